/* A session's pages and their order: what stands on them is kept, and shown again where the session goes on. */
"use strict";

(() => {
  const FIELDS = ["ratings", "results", "choice", "time"];
  const PARAMETERS = ["listener", "PROLIFIC_PID", "participant", "workerId"];

  /* mulberry32: a generator whose numbers depend on its 32-bit seed alone. */
  function generator(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffling(random) {
    let sides = []; // of the reference in a pair: A as often as B
    return (items) => {
      const place = items.length === 2 ? items.findIndex((item) => item.id === "reference") : -1;
      if (place >= 0) {
        sides = sides.length ? sides : random() < 0.5 ? [0, 1] : [1, 0];
        if (place !== sides.pop()) {
          items.reverse();
        }
        return;
      }
      for (let i = items.length - 1; i > 0; --i) {
        const j = Math.floor(random() * (i + 1));
        [items[i], items[j]] = [items[j], items[i]];
      }
    };
  }

  /* What the listener has set on the page that is shown; nothing where it is not all there. */
  function held(page) {
    if (page instanceof MushraPage) {
      const ratings = $("#page_content .scales").get().map((scale) => ({ name: scale.name, value: scale.value }));
      return ratings.length ? { ratings } : {};
    }
    if (page instanceof LikertSingleStimulusPage) {
      const results = page.likerts.map((one) => $(`input[name='${one.prefix}_response']:checked`).val());
      return results.every((value) => value !== undefined) ? { results } : {};
    }
    if (page instanceof PairedComparisonPage) {
      const choice = $("#radio-choice :radio:checked").val();
      return choice === undefined ? {} : { choice };
    }
    return {};
  }

  const answer = (question) =>
    $(`#${question}`).val() || $(`input[name='${question}__response']:checked`).val() || "";

  /* Keeps what stands on the page that is shown, if it differs from what is kept. */
  function snapshot() {
    const state = study.state;
    if (!state || state.answers || state.done || !pageManager || pageManager.getPageIndex() !== state.index) {
      return;
    }
    const content = () => JSON.stringify([state.pages[state.index], state.facts, state.questions, state.volume]);
    const before = content();
    const page = pageManager.getCurrentPage();
    const found = held(page);
    const { time, ...old } = state.pages[state.index] || {};
    if (Object.keys(found).length && JSON.stringify(found) !== JSON.stringify(old)) {
      const since = page.startTimeOnPage ? new Date() - page.startTimeOnPage : 0;
      state.pages[state.index] = { ...found, time: (page.time || 0) + since };
    }
    study.observe(page, state);
    if (page instanceof FinishPage) {
      page.pageConfig.questionnaire.forEach((one) => (state.questions[one.name] = answer(one.name)));
    }
    state.volume = audioContext.volume;
    if (before !== content()) {
      study.keep(state);
    }
  }

  /* The session as webMUSHRA sends it, of the pages that are finished. */
  function soFar(state) {
    session.trials = [];
    pageManager.pages.slice(0, state.index).forEach((page) => page.store && page.store());
    const { trials } = session;
    if (!(pageManager.getCurrentPage() instanceof FinishPage)) {
      session.trials = []; // webMUSHRA stores them when the last page is shown
    }
    const participant = { name: ["listener"], response: [state.listener || state.questions.listener || ""] };
    return { testId: session.testId, participant, trials, uuid: state.uuid, config: session.config };
  }

  /* What is sent beside webMUSHRA's own: how far the session is; what was played and moved, by the page's id. */
  function beside(state) {
    const facts = {};
    for (const [index, { played, moved }] of Object.entries(state.facts)) {
      const { id } = pageManager.getPage(Number(index)).pageConfig || {};
      if (id !== undefined) {
        facts[id] = facts[id] || { played: {}, moved: [] };
        Object.assign(facts[id].played, played);
        facts[id].moved.push(...moved);
      }
    }
    return { study: { began: state.began, page: state.index, pages: state.total, facts } };
  }

  study.soFar = (state) => {
    const { study: own } = beside(state);
    const kept = { ...state, sent: null };
    return JSON.parse(JSON.stringify({ ...soFar(state), study: { ...own, state: kept } }));
  };

  function publish(state) {
    study.keep(state);
    study.flush();
  }

  const next = PageManager.prototype.nextPage;
  PageManager.prototype.nextPage = function () {
    const state = study.state;
    const left = this.getCurrentPage();
    if (!state || left === undefined) {
      next.call(this);
      return;
    }
    if (!study.allows(left)) {
      return;
    }
    snapshot();
    next.call(this);
    const kept = FIELDS.filter((field) => left[field] !== undefined).map((field) => [field, left[field]]);
    state.pages[state.index] = Object.fromEntries(kept);
    state.index = this.getPageIndex();
    publish(state);
  };

  /* Shows the page at which the session was left, with what stood on it. */
  function goOn(state) {
    if (state.index > 0) {
      audioContext.volume = state.volume;
      for (const [index, found] of Object.entries(state.pages)) {
        Object.assign(pageManager.getPage(Number(index)), found);
      }
      const before = pageManager.getPage(state.index - 1);
      before.save = undefined; // it was saved when it was left, and is not shown now
      pageManager.pagesIndex = state.index - 1;
      next.call(pageManager);
      delete before.save;
    }
    study.observe(null, state);
  }

  const render = FinishPage.prototype.render;
  FinishPage.prototype.render = function (parent) {
    render.call(this, parent);
    const state = study.state;
    if (!state) {
      return;
    }
    $("#send_results").off("click").on("click", () => {
      snapshot();
      clearInterval(this.interval);
      this.storeParticipantData();
      state.answers = JSON.parse(JSON.stringify({ ...session, ...beside(state) }));
      study.keep(state);
      study.deliver(state);
    });
    setTimeout(() => {
      for (const [question, value] of Object.entries(state.questions)) {
        $(`#${question}`).val(value);
        const choices = $(`input[name='${question}__response']`);
        choices.filter((_, one) => one.value === value).prop("checked", true);
        choices.checkboxradio("refresh");
      }
      if (state.listener) {
        $("#listener").val(state.listener).closest("tr").hide();
      }
    }, 10);
  };

  function fresh(listener) {
    const seed = Math.floor(Math.random() * 4294967296);
    const state = { uuid: uuidv4(), config: configFile, listener, seed, index: 0, total: 0, began: new Date() };
    const kept = { pages: {}, facts: {}, questions: {}, sent: null, answers: null, volume: 1 };
    return { ...state, ...kept, revision: 0, confirmed: 0, done: false, code: "", left: false };
  }

  /* Decides which session runs: a new one, one that was left, or none where it is finished. */
  async function begin(config, start) {
    if (!config || !config.study) {
      start(config); // made before sessions were kept
      return;
    }
    study.test = config.testId;
    study.settings = config.study;
    study.texts = config.study.texts;
    Object.assign(nls[config.language], config.study.captions);
    const given = new URLSearchParams(location.search);
    const listener = PARAMETERS.map((name) => given.get(name)).find((value) => value) || "";
    await study.restore();
    const own = study.stored().filter((state) => state.listener === listener);
    const done = own.find((state) => state.done && listener);
    const waiting = own.find((state) => state.answers);
    const left = own.find((state) => !state.done && !state.left && state.index > 0);
    if (done) {
      study.thank(done);
    } else if (waiting) {
      study.deliver(waiting);
    } else if (!left) {
      run(fresh(listener), config, start);
    } else {
      const told = study.texts.continue_text.replace("{done}", left.index).replace("{pages}", left.total);
      study.show(study.texts.continue_title, told, [
        [study.texts.continue_button, async () => run(await study.latest(left), config, start)],
        [
          study.texts.anew_button,
          () => {
            left.left = true;
            study.keep(left);
            run(fresh(listener), config, start);
          },
        ],
      ]);
    }
  }

  const load = YAML.load;

  function run(state, config, start) {
    $("#study").remove();
    if (state.config !== configFile) {
      configFile = state.config; // another group's
      load.call(YAML, configFile, (other) => run(state, other, start));
      return;
    }
    study.state = state;
    window.shuffle = shuffling(generator(state.seed));
    const loaded = window.callbackFilesLoaded;
    window.callbackFilesLoaded = () => {
      loaded();
      state.total = pageManager.getNumPages();
      goOn(state);
      publish(state);
      $(document).on("change slidestop keyup", () => setTimeout(snapshot, 0));
      setInterval(snapshot, 1000);
      window.addEventListener("pagehide", snapshot);
    };
    start(config);
    session.uuid = state.uuid;
  }

  YAML.load = (path, start) => load.call(YAML, path, (config) => begin(config, start));
})();
