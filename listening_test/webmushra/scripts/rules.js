/* What a page asks for before the next one is shown; the keyboard; captions that webMUSHRA cannot translate. */
"use strict";

(() => {
  const OPEN = "open"; // the reference that is named so, beside the hidden one
  let values = {};
  let shown = null;

  const own = (state, index) => (state.facts[index] = state.facts[index] || { played: {}, moved: [] });

  function heard(id, seconds) {
    const state = study.state;
    if (state && pageManager && pageManager.getPageIndex() === state.index) {
      const { played } = own(state, state.index);
      played[id] = Math.round(1000 * ((played[id] || 0) + seconds)) / 1000;
    }
  }

  for (const [control, playing] of [
    [MushraAudioControl, (one) => one.audioPlaying && one.audioStimulus && (one.audioIsReferencePlaying ? OPEN : one.audioStimulus.id)],
    [GenericAudioControl, (one) => one.audioStimulusIndex !== null && one.stimuli[one.audioStimulusIndex].id],
  ]) {
    const process = control.prototype.process;
    control.prototype.process = function (event) {
      const id = playing(this);
      process.call(this, event);
      if (id) {
        heard(id, event.outputBuffer.duration);
      }
    };
  }

  /* Notes which sliders have left their place since the page was shown. */
  study.observe = (page, state) => {
    if (page !== shown) {
      shown = page;
      values = {};
    }
    if (page instanceof MushraPage) {
      const { moved } = own(state, state.index);
      $("#page_content .scales").each((_, scale) => {
        if (scale.value !== (values[scale.name] || "100") && !moved.includes(scale.name)) {
          moved.push(scale.name);
        }
        values[scale.name] = scale.value;
      });
    }
  };

  /* Whether the listener may leave the page; if not, it says why. */
  study.allows = (page) => {
    $("#study_rule").remove();
    const control = page.mushraAudioControl;
    const { play_all: all, least_seconds: least } = study.settings;
    const { played } = own(study.state, study.state.index);
    const wanted = control ? [OPEN, ...control.getConditions().map((one) => one.id)] : [];
    const seconds = Object.values(played).reduce((sum, one) => sum + one, 0);
    let told = "";
    if (all && wanted.some((id) => !played[id])) {
      told = study.texts.play_all;
    } else if (control && seconds < least) {
      told = study.texts.least_seconds;
    }
    if (told) {
      $("<p id='study_rule' role='alert'></p>").html(told).prependTo("#page_navigation");
    }
    return !told;
  };

  /* On a handle that has the focus webMUSHRA and its slider both act on arrow keys, in opposite directions. */
  const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: 100, End: -100 };
  document.addEventListener(
    "keydown",
    (event) => {
      const handle = event.target.closest && event.target.closest("#mushra_items .ui-slider-handle");
      if (!handle || !(event.key in STEPS)) {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      const scale = $(handle).closest("td").find("input.scales");
      if (scale.attr("active") === "true") {
        const step = STEPS[event.key] * (event.shiftKey && Math.abs(STEPS[event.key]) === 1 ? 10 : 1);
        scale.val(Math.min(100, Math.max(0, Number(scale.val()) + step))).slider("refresh").trigger("change");
      }
    },
    true,
  );

  const render = ConsentPage.prototype.render;
  ConsentPage.prototype.render = function (parent) {
    render.call(this, parent);
    if (study.state) {
      parent.find("label[for='radio-choice-accept']").text(study.texts.consent_yes);
      parent.find("label[for='radio-choice-reject']").text(study.texts.consent_no);
    }
  };
})();
