/* Keeps a listener's session: in the browser after every change, on the server after every page.

These scripts are loaded before webMUSHRA's startup.js, which stays as it is; `config.study` holds the texts and rules
of the test. A state per session lies in localStorage and in IndexedDB under "listening TESTID UUID":
    uuid, config, listener   of the session; the configuration's path; the participant's id from the address
    seed                     of every shuffle, so that a reloaded test has the same order
    index, total             the page that is shown, and the number of pages
    pages                    per page number, what webMUSHRA's page objects hold: ratings, results, choice, time
    facts                    per page number, what was played and moved (rules.js)
    questions, volume        answers on the last page so far; the volume
    sent, answers            the session so far as it is sent; the finished session, or null
    revision, confirmed      counts changes; the last one that the server has
    done, code               whether the finished session is confirmed; the completion code
    left                     whether another session was begun in its place */
"use strict";

const study = { test: "", texts: {}, state: null };

(() => {
  const RETRY = 5000;
  const PATIENCE = 3000;

  const name = (state) => `listening ${study.test} ${state.uuid}`;

  study.keep = (state) => {
    ++state.revision;
    save(state);
  };

  function save(state) {
    state.at = Date.now();
    const text = JSON.stringify(state);
    try {
      localStorage.setItem(name(state), text);
    } catch (error) {
      console.log(error); // a full or forbidden storage: the server still gets every page
    }
    toDisk(name(state), text).catch(console.log);
  }

  /* localStorage has a change at once, but reaches the disk seconds later: too late where the browser is killed.
     IndexedDB is on the disk when a transaction ends, but not yet when the page is closed: hence both. */
  const database = new Promise((resolve) => {
    const request = indexedDB.open("listening", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("states");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  }).catch(() => null); // forbidden in this browser

  async function toDisk(key, text) {
    const found = await database;
    if (found) {
      found.transaction("states", "readwrite", { durability: "strict" }).objectStore("states").put(text, key);
    }
  }

  /* The states of this test in the database. */
  async function onDisk() {
    const found = await database;
    if (!found) {
      return [];
    }
    const own = `listening ${study.test} `;
    const request = found.transaction("states").objectStore("states").getAll(IDBKeyRange.bound(own, `${own}\uffff`));
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result.map((text) => JSON.parse(text)));
      request.onerror = () => reject(request.error);
    });
  }

  /* Brings into localStorage what it lost when the browser was killed. A database that does not answer is not waited
     for longer than PATIENCE. */
  study.restore = async () => {
    try {
      const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, []));
      const states = await Promise.race([onDisk(), late]);
      const known = new Map(study.stored().map((state) => [state.uuid, state.revision]));
      for (const state of states.filter((one) => !(known.get(one.uuid) >= one.revision))) {
        localStorage.setItem(name(state), JSON.stringify(state));
      }
    } catch (error) {
      console.log(error);
    }
  };

  /* The states of this test in this browser, the latest first. */
  study.stored = () => {
    const found = [];
    try {
      for (let i = 0; i < localStorage.length; ++i) {
        const key = localStorage.key(i);
        if (key.startsWith(`listening ${study.test} `)) {
          found.push(JSON.parse(localStorage.getItem(key)));
        }
      }
    } catch (error) {
      console.log(error);
    }
    return found.sort((one, other) => other.at - one.at);
  };

  /* Resolves to the server's answer once it has stored `state`; rejects otherwise. */
  async function send(state) {
    const revision = state.revision;
    const finished = state.answers !== null;
    const body = JSON.stringify(finished ? state.answers : state.sent);
    const response = await fetch(finished ? "service/write.php" : "service/progress", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `sessionJSON=${encodeURIComponent(body)}`,
    });
    const answer = await response.json();
    if (!response.ok || !answer.kept) {
      throw new Error(`${response.status} ${answer.message}`);
    }
    state.confirmed = revision;
    return answer;
  }

  const unsent = (state) => !state.answers && !state.done && state.confirmed < state.revision;

  /* The state that the server has, if it is later: a browser that was killed may not have written its last seconds. */
  study.latest = async (state) => {
    try {
      const response = await fetch(`service/progress?uuid=${state.uuid}`);
      const found = response.ok ? await response.json() : null;
      return found && found.uuid === state.uuid && found.revision > state.revision ? { ...state, ...found } : state;
    } catch (error) {
      return state;
    }
  };

  /* Sends what the server lacks: of the session that runs, and of those that were left. */
  let busy = false;
  study.flush = async () => {
    if (busy || !study.state || study.state.answers) {
      return;
    }
    busy = true;
    try {
      if (unsent(study.state)) {
        study.state.sent = study.soFar(study.state);
        await send(study.state);
      }
      for (const state of study.stored().filter((one) => one.left && one.sent && unsent(one))) {
        await send(state);
        save(state);
      }
      study.tell("");
    } catch (error) {
      study.tell(study.texts.offline);
    }
    busy = false;
  };
  setInterval(study.flush, RETRY);

  /* Sends a finished session until it is stored; only then the listener is thanked. */
  study.deliver = async (state) => {
    study.show(study.texts.sending_title, study.texts.sending);
    for (;;) {
      try {
        const { code = "" } = await send(state);
        Object.assign(state, { done: true, code, pages: {}, facts: {}, answers: null, sent: null });
        study.keep(state);
        study.thank(state);
        return;
      } catch (error) {
        await new Promise((resolve) => {
          study.show(study.texts.sending_title, study.texts.not_sent, [[study.texts.try_button, resolve]]);
          setTimeout(resolve, RETRY);
        });
      }
    }
  };

  /* A text over the whole window, with buttons as [label, function]. */
  study.show = (title, html, buttons = []) => {
    $("#study").remove();
    const box = $("<div id='study' role='dialog' aria-live='assertive'></div>");
    box.append($("<h2></h2>").html(title), $("<p></p>").html(html));
    for (const [label, act] of buttons) {
      box.append($("<button type='button'></button>").text(label).on("click", () => act()));
    }
    $("body").append(box);
    box.find("button").first().trigger("focus");
  };

  /* A line at the end of the window; none for an empty text. */
  study.tell = (text) => {
    $("#study_line").remove();
    if (text) {
      $("<div id='study_line' role='status'></div>").html(text).appendTo("body");
    }
  };

  study.thank = (state) => {
    const code = state.code ? `<br/>${study.texts.code} <strong id="study_code"></strong>` : "";
    const again = state.listener ? [] : [[study.texts.again_button, () => location.reload()]];
    study.show(study.texts.thanks_title, study.texts.thanks + code, again);
    $("#study_code").text(state.code);
  };

  window.addEventListener("beforeunload", (event) => {
    if (study.state && !study.state.done && study.state.index > 0) {
      event.preventDefault();
      event.returnValue = "";
    }
  });
})();
