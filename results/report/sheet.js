"use strict";
/* Players of the recordings in the page, and of what the microphone records: sent to where the page is from, which
   answers with the same in every method's version. */

const players = [];
const entries = document.getElementById("entries");

function place(name, recording) {
  const holder = element("div");
  entries.prepend(element("section", {}, element("h2", {}, name), holder));
  players.unshift(new Player(holder, recording));
}

for (const holder of document.querySelectorAll("[data-recording]")) {
  const recording = JSON.parse(document.getElementById(holder.dataset.recording).textContent);
  if (recording.transcript) holder.before(element("blockquote", {}, recording.transcript));
  players.push(new Player(holder, recording));
}

const LONGEST = 30;  // seconds
const microphone = document.getElementById("microphone");
const told = document.getElementById("told");
let recorder = null;

async function record() {
  microphone.disabled = true;  // until the browser has asked for it
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false},
  }).finally(() => { microphone.disabled = false; });
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = event => parts.push(event.data);
  recorder.onstop = () => {
    for (const track of stream.getTracks()) track.stop();
    recorder = null;
    microphone.textContent = "Record";
    send(new Blob(parts)).catch(error => { told.value = String(error.message); });
  };
  recorder.start();
  microphone.textContent = "Stop";
  told.value = `recording, at most ${LONGEST} s`;
  const started = recorder;
  setTimeout(() => { if (started.state === "recording") started.stop(); }, 1000 * LONGEST);
}

async function send(blob) {
  told.value = "enhancing ...";
  microphone.disabled = true;
  try {
    const context = new OfflineAudioContext(1, 1, 48000);
    const sound = await context.decodeAudioData(await blob.arrayBuffer());
    const answer = await fetch("record", {method: "POST", headers: {"Content-Type": "audio/wav"}, body: wav(sound)})
      .catch(() => { throw new Error("no answer; is bench listen still running?"); });
    if (!answer.ok) throw new Error(await answer.text());
    const {name, recording} = await answer.json();
    place(name, recording);
    told.value = "";
  } finally {
    microphone.disabled = false;
  }
}

/** 16-bit WAV of the first channel. */
function wav(sound) {
  const samples = sound.getChannelData(0), view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"), text(8, "WAVEfmt "), text(36, "data");
  view.setUint32(4, 36 + 2 * samples.length, true);
  view.setUint32(16, 16, true), view.setUint16(20, 1, true), view.setUint16(22, 1, true);
  view.setUint32(24, sound.sampleRate, true), view.setUint32(28, 2 * sound.sampleRate, true);
  view.setUint16(32, 2, true), view.setUint16(34, 16, true);
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return view.buffer;
}

microphone?.addEventListener("click", () => {
  if (recorder) recorder.stop();
  else record().catch(error => { told.value = `no microphone: ${error.message}`; });
});
