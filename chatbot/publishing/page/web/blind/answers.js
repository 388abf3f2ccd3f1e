// The answers of one friend: which text of each question is shown, what was said, taken back.
import {dropPreference, readPreference, writePreference} from '../ui/preferences.js';
import {codeOfAnswers} from './code.js';

/** @typedef {import('./code.js').Answer} Answer */

/** Answers that a reload of the page does not lose. */
export class AnswerSheet {
  /**
   * @param {string} test  id of the test
   * @param {number} nQuestions
   */
  constructor(test, nQuestions) {
    this.test = test;
    this.nQuestions = nQuestions;
    this.judge = '';
    /** @type {boolean[]} */
    this.shown = []; // whether the second text of a question is shown
    /** @type {Answer[]} */
    this.answers = [];
    this.isStopped = false; // before the last question
    if (!this.load()) {
      this.restart();
    }
  }

  /** Begin again, for another friend: other texts are shown. */
  restart() {
    const drawn = crypto.getRandomValues(new Uint8Array(this.nQuestions + 2));
    const hex = [...drawn.subarray(0, 2)].map((byte) => byte.toString(16).padStart(2, '0'));
    this.judge = hex.join('');
    this.shown = [...drawn.subarray(2)].map((byte) => byte % 2 === 1);
    this.answers = [];
    this.isStopped = false;
    dropPreference(this.name);
  }

  /** @returns {string} under which the answers are stored on this device */
  get name() {
    return `blind.${this.test}`;
  }

  /** @returns {boolean} */
  get isOver() {
    return this.isStopped || this.answers.length === this.nQuestions;
  }

  /** @returns {string} */
  get code() {
    return codeOfAnswers(this.test, this.judge, this.answers);
  }

  /**
   * @param {boolean} saysBot
   * @param {number} sure
   */
  answer(saysBot, sure) {
    this.answers.push({showsSecond: this.shown[this.answers.length], saysBot, sure});
    this.save();
  }

  /** Go back: from an early end to the question it was at, else to the last answered one. */
  undo() {
    if (this.isStopped) {
      this.isStopped = false;
    } else {
      this.answers.pop();
    }
    this.save();
  }

  stop() {
    this.isStopped = true;
    this.save();
  }

  save() {
    const {judge, shown, answers, isStopped} = this;
    writePreference(this.name, JSON.stringify({judge, shown, answers, isStopped}));
  }

  /** @returns {boolean} whether there are answers of before */
  load() {
    try {
      const stored = JSON.parse(readPreference(this.name, 'null'));
      const {judge, shown, answers, isStopped} = stored ?? {};
      Object.assign(this, stored ? {judge, shown, answers, isStopped} : {});
      return stored !== null;
    } catch {
      return false; // not written by this page
    }
  }
}
