"use strict";
/* Synchronised players: all signals of a recording run in step, and one of them is heard. Switching moves two gains
   within some milliseconds, so there is neither a gap nor a click, and the place in the recording stays. */

const FADE = 0.0015;  // seconds: time constant of a switch; 95 % of it within 4.5 ms
const RANGE = 80;     // dB of the spectrograms' colour scale

/** All buffers from `offset`, each behind a gain of its own; `hear(i)` fades over to one of them. */
function mixer(context, buffers, gains) {
  const volumes = buffers.map(() => new GainNode(context, {gain: 0}));
  for (const volume of volumes) volume.connect(context.destination);
  let sources = [];
  return {
    start(when, offset, loop) {
      sources = buffers.map((buffer, i) => {
        const source = new AudioBufferSourceNode(context, {buffer, loop});
        source.connect(volumes[i]);
        source.start(when, offset);
        return source;
      });
      return sources[0];
    },
    stop() {
      for (const source of sources) { source.onended = null; source.stop(); }
      sources = [];
    },
    loop(on) { for (const source of sources) source.loop = on; },
    hear(chosen, when) {
      volumes.forEach((volume, i) => volume.gain.setTargetAtTime(i === chosen ? gains[i] : 0, when, FADE));
    },
  };
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

const bytes = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0)).buffer;

/** A recording on a page: `tracks` are {name, flac | missing, gain, notes}; `rate` is in Hz. */
class Player {
  constructor(place, {rate, tracks}, {blind = false} = {}) {
    this.rate = rate;
    this.tracks = tracks.filter(track => track.flac);
    this.lost = tracks.filter(track => !track.flac);
    this.heard = 0;
    this.offset = 0;
    this.source = null;
    this.order = this.tracks.map((_, i) => i);
    this.blind = false;
    this.build(place);
    this.ready = this.decode().then(() => { if (blind) this.shuffle(); });
  }

  async decode() {
    const context = new OfflineAudioContext(1, 1, this.rate);
    this.buffers = await Promise.all(this.tracks.map(track => context.decodeAudioData(bytes(track.flac))));
    this.length = Math.max(0, ...this.buffers.map(buffer => buffer.duration));
    this.slider.max = this.length;
    this.show();
    await new Promise(resolve => setTimeout(resolve));  // the page first, then its pictures
    drawSpectrograms(this.canvases, this.buffers, this.tracks.map(track => track.gain), this.rate);
  }

  build(place) {
    const group = `heard${Player.count = (Player.count || 0) + 1}`;
    this.button = element("button", {type: "button", class: "play", onclick: () => this.toggle()}, "Play");
    this.slider = element("input", {type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "Position",
      oninput: () => this.seek(Number(this.slider.value))});
    this.clock = element("output", {}, "0.0 s");
    this.looping = element("input", {type: "checkbox", onchange: () => this.loop()});
    this.blindly = element("button", {type: "button", onclick: () => this.shuffle()}, "Blind");
    this.list = element("ol", {class: "tracks", "aria-label": "What is heard"});
    this.canvases = [], this.cursors = [], this.radios = [], this.names = [], this.items = [];
    this.tracks.forEach((track, i) => {
      const radio = element("input", {type: "radio", name: group, onchange: () => this.hear(i)});
      const name = element("span", {class: "name"}, track.name);
      const canvas = element("canvas", {role: "img", "aria-label": `Spectrogram ${i + 1}, 0 to ${this.rate / 2000} kHz`});
      const cursor = element("div", {class: "cursor"});
      const picture = element("div", {class: "picture", onclick: event => {
        const box = picture.getBoundingClientRect();
        this.hear(i);
        this.seek((event.clientX - box.left) / box.width * this.length);
      }}, canvas, cursor);
      const notes = element("span", {class: "notes"}, ...(track.notes || []).map(note => element("span", {}, note)));
      const item = element("li", {}, element("label", {}, radio, name, notes), picture);
      this.canvases.push(canvas), this.cursors.push(cursor), this.radios.push(radio), this.names.push(name);
      this.items.push(item);
      this.list.append(item);
    });
    const why = this.lost.map(track => element("p", {class: "muted"}, `${track.name}: ${track.missing}`));
    this.root = element("div", {class: "player", tabindex: 0, role: "group", "aria-label": "Player",
      onkeydown: event => this.key(event)},
      element("div", {class: "bar"}, this.button, this.slider, this.clock,
        element("label", {}, this.looping, "loop"), this.blindly),
      element("p", {class: "muted keys"}, "Space plays and stops; 1 to 9, or up and down, switch; left and right move; "
        + "B hides the names. Equally loud (BS.1770); colours: one scale for all, "
        + `${RANGE} dB up to the loudest, 0 to ${this.rate / 2000} kHz.`),
      this.list, ...why);
    place.replaceChildren(this.root);
    this.show();
  }

  get time() {
    if (!this.source) return this.offset;
    const time = this.offset + this.context.currentTime - this.started;
    return this.looping.checked ? time % this.length : Math.min(time, this.length);
  }

  async play() {
    await this.ready;
    if (!this.tracks.length) return;
    Player.playing?.stop();
    Player.playing = this;
    this.context ||= new AudioContext();
    await this.context.resume();
    this.mix ||= mixer(this.context, this.buffers, this.tracks.map(track => track.gain));
    if (this.offset >= this.length - 0.01) this.offset = 0;
    this.started = this.context.currentTime;
    this.source = this.mix.start(this.started, this.offset, this.looping.checked);
    this.source.onended = () => { this.source = null; this.offset = 0; this.show(); };
    this.mix.hear(this.heard, this.started);
    this.tick();
  }

  stop() {
    this.offset = this.time;
    if (this.source) { this.mix.stop(); this.source = null; }
    this.show();
  }

  toggle() { return this.source ? this.stop() : this.play(); }

  seek(time) {
    const playing = this.source !== null;
    if (playing) this.stop();
    this.offset = Math.max(0, Math.min(time, this.length));
    if (playing) this.play(); else this.show();
  }

  loop() {
    const time = this.time;
    this.mix?.loop(this.looping.checked);
    if (this.source) { this.offset = time; this.started = this.context.currentTime; }
  }

  hear(i) {
    this.heard = i;
    if (this.source) this.mix.hear(i, this.context.currentTime);
    this.show();
  }

  /** Names hidden and the order drawn; once more shows them again. */
  shuffle() {
    this.blind = !this.blind;
    this.order = this.tracks.map((_, i) => i);
    if (this.blind) {
      for (let i = this.order.length - 1; i > 0; i--) {
        const j = Math.floor(Math.random() * (i + 1));
        [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
      }
    }
    this.order.forEach((track, place) => {
      this.names[track].textContent = this.blind ? String.fromCharCode(65 + place) : this.tracks[track].name;
      this.list.append(this.items[track]);
    });
    this.list.classList.toggle("blind", this.blind);
    this.blindly.textContent = this.blind ? "Show names" : "Blind";
    this.hear(this.order[0]);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.order.indexOf(this.heard), count = this.order.length;
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    const actions = {
      " ": () => this.toggle(),
      b: () => this.shuffle(),
      ArrowRight: () => this.seek(this.time + 0.5),
      ArrowLeft: () => this.seek(this.time - 0.5),
      ArrowDown: () => this.hear(this.order[(place + 1) % count]),
      ArrowUp: () => this.hear(this.order[(place + count - 1) % count]),
    };
    const action = digit >= 0 && digit < count ? () => this.hear(this.order[digit]) : actions[event.key];
    if (!action || (event.key === " " && event.target.matches("button, [type=checkbox]"))) return;
    event.preventDefault();
    action();
  }

  tick() {
    this.show();
    if (this.source) requestAnimationFrame(() => this.tick());
  }

  show() {
    const time = this.time;
    this.button.textContent = this.source ? "Stop" : "Play";
    this.slider.value = time;
    this.clock.textContent = `${time.toFixed(1)} s`;
    for (const cursor of this.cursors) cursor.style.left = `${this.length ? 100 * time / this.length : 0}%`;
    this.radios.forEach((radio, i) => { radio.checked = i === this.heard; });
    this.items.forEach((item, i) => item.classList.toggle("heard", i === this.heard));
  }
}

/* Spectrograms: Hann windows of about 32 ms, drawn in dB below the loudest bin of all signals. */

function drawSpectrograms(canvases, buffers, gains, rate) {
  const size = 2 ** Math.round(Math.log2(rate * 0.032));
  const columns = 360;
  const powers = buffers.map((buffer, i) => spectrogram(buffer.getChannelData(0), size, columns, gains[i]));
  let loudest = 1e-20;
  for (const power of powers) for (const value of power) if (value > loudest) loudest = value;
  powers.forEach((power, i) => paint(canvases[i], power, columns, size / 2, loudest));
}

function spectrogram(samples, size, columns, gain) {
  const bins = size / 2, power = new Float64Array(columns * bins);
  const real = new Float64Array(size), imaginary = new Float64Array(size);
  for (let column = 0; column < columns; column++) {
    const centre = Math.round((column + 0.5) / columns * samples.length);
    for (let i = 0; i < size; i++) {
      const sample = samples[centre - bins + i] || 0;
      real[i] = gain * sample * (0.5 - 0.5 * Math.cos(2 * Math.PI * i / size));
      imaginary[i] = 0;
    }
    fourier(real, imaginary);
    for (let k = 0; k < bins; k++) power[column * bins + k] = real[k] ** 2 + imaginary[k] ** 2;
  }
  return power;
}

/** The discrete Fourier transform in place; the length is a power of two (Cooley and Tukey, 1965). */
function fourier(real, imaginary) {
  const size = real.length;
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const half = length / 2, step = -2 * Math.PI / length;
    for (let k = 0; k < half; k++) {
      const c = Math.cos(step * k), s = Math.sin(step * k);
      for (let i = k; i < size; i += length) {
        const j = i + half;
        const x = real[j] * c - imaginary[j] * s, y = real[j] * s + imaginary[j] * c;
        real[j] = real[i] - x, imaginary[j] = imaginary[i] - y;
        real[i] += x, imaginary[i] += y;
      }
    }
  }
}

const STOPS = [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

function paint(canvas, power, columns, bins, loudest) {
  canvas.width = columns, canvas.height = bins;
  const context = canvas.getContext("2d"), image = context.createImageData(columns, bins);
  for (let column = 0; column < columns; column++) {
    for (let k = 0; k < bins; k++) {
      const decibels = 10 * Math.log10(power[column * bins + k] / loudest + 1e-20);
      const level = Math.max(0, 1 + decibels / RANGE) * (STOPS.length - 1);
      const below = Math.min(Math.floor(level), STOPS.length - 2), part = level - below;
      const at = 4 * ((bins - 1 - k) * columns + column);
      for (let c = 0; c < 3; c++) {
        image.data[at + c] = STOPS[below][c] + part * (STOPS[below + 1][c] - STOPS[below][c]);
      }
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}
