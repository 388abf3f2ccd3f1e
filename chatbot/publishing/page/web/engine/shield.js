// Replies with stars in place of what looks like personal data (`shielded` of chatbot/ingest/
// masking/masker.py). The rules come from Python; where one has a test that is more than words
// nearby, everything its pattern matches is starred.

import {SpelledNumbers} from './spelled.js';
import {compilePattern} from './text.js';

/** @typedef {import('./text.js').Pattern} Pattern */

const LETTER_OR_NUMBER = /^[\p{L}\p{N}]$/u;

/** The rules, compiled once. */
export class ShieldRules {
  /** @param {any} rules  shield_rules of chatbot/publishing/page/rules.py */
  constructor(rules) {
    const once = (/** @type {Pattern} */ pattern) => (
      compilePattern(pattern, pattern[1].replace('g', ''))
    );
    this.spelled = new SpelledNumbers(rules);
    this.trigger = once(rules.trigger);
    this.pending = once(rules.pending);
    this.nearChars = rules.near_chars;
    const words = new Map();
    const shared = (/** @type {Pattern|null} */ pattern) => {
      if (pattern === null) {
        return null;
      }
      const compiled = words.get(pattern[0]) ?? once(pattern);
      words.set(pattern[0], compiled);
      return compiled;
    };
    this.kinds = rules.kinds.map((/** @type {any} */ kind) => ({
      pattern: compilePattern(kind.pattern, `${kind.pattern[1]}d`),
      words: shared(kind.words),
      beside: shared(kind.beside),
      nDigits: kind.n_digits,
    }));
  }

  /**
   * Return where a line must be held back from until it is complete, in UTF-16 units.
   * @param {string} plain
   * @returns {number}
   */
  firstTrigger(plain) {
    const match = this.trigger.exec(plain);
    if (match === null) {
      return plain.length;
    }
    return match.groups?.letter ? match.index + match[0].length - 1 : match.index;
  }

  /**
   * Return how much of an unfinished line can be shown, in UTF-16 units.
   * @param {string} plain
   * @returns {number}
   */
  holdFrom(plain) {
    return Math.min(this.firstTrigger(plain), this.pending.exec(plain)?.index ?? plain.length);
  }

  /**
   * Return the spans of what may be personal data, in UTF-16 units.
   * @param {string} plain
   * @returns {[number, number][]}
   */
  personalSpans(plain) {
    const text = this.spelled.asDigits(plain);
    const nDigits = (text.match(/[0-9*]/g) ?? []).length;
    const isThere = new Map();
    const hasWords = (/** @type {RegExp|null} */ words) => {
      if (!isThere.has(words)) {
        isThere.set(words, words === null || words.test(text));
      }
      return isThere.get(words);
    };
    /** @type {[number, number][]} */
    const spans = [];
    for (const kind of this.kinds) {
      if (nDigits >= kind.nDigits && hasWords(kind.words)) {
        for (const match of text.matchAll(kind.pattern)) {
          spans.push(...valuesOf(match).filter((span) => this.isBeside(kind.beside, text, span)));
        }
      }
    }
    return spans;
  }

  /**
   * @param {RegExp|null} words
   * @param {string} text
   * @param {[number, number]} span
   * @returns {boolean}
   */
  isBeside(words, text, [start, end]) {
    if (words === null) {
      return true;
    }
    // Twice as many units, because a character outside the basic plane has two.
    const before = [...text.slice(Math.max(0, start - 2 * this.nearChars), start)];
    const after = [...text.slice(end, end + 2 * this.nearChars)];
    const near = [...before.slice(-this.nearChars), '\n', ...after.slice(0, this.nearChars)];
    return words.test(near.join(''));
  }
}

/**
 * Return the spans of the values in a match: its groups, or all of it.
 * @param {RegExpMatchArray} match
 * @returns {[number, number][]}
 */
function valuesOf(match) {
  const indices = /** @type {any} */ (match).indices;
  const spans = indices.length > 1 ? indices.slice(1) : [indices[0]];
  return spans.filter((/** @type {any} */ span) => span && span[0] < span[1]);
}

/** Passes streamed text on, a line at a time where it may hold personal data. */
export class Shield {
  /** @param {ShieldRules} rules */
  constructor(rules) {
    this.rules = rules;
    this.shown = ''; // of the current line
    this.held = '';
  }

  /**
   * @param {string} piece
   * @returns {string}
   */
  push(piece) {
    let text = '';
    this.held += piece;
    while (this.held.includes('\n')) {
      const end = this.held.indexOf('\n');
      text += `${this.starred(this.held.slice(0, end))}\n`;
      this.held = this.held.slice(end + 1);
      this.shown = '';
    }
    const line = this.shown + this.held;
    const plain = this.rules.spelled.plainForm(line);
    const ready = unitsOf(line, plain, this.rules.holdFrom(plain)) - this.shown.length;
    if (ready > 0) {
      text += this.held.slice(0, ready);
      this.shown += this.held.slice(0, ready);
      this.held = this.held.slice(ready);
    }
    return text;
  }

  /**
   * @returns {string} what was held back
   */
  finish() {
    return this.held ? this.starred(this.held) : '';
  }

  /**
   * Return the rest of the current line with stars in place of personal data.
   * @param {string} rest
   * @returns {string}
   */
  starred(rest) {
    const plain = this.rules.spelled.plainForm(this.shown + rest);
    const nShown = [...this.shown].length;
    const characters = [...rest];
    const of = [...plain];
    const pointAt = pointsOf(plain);
    const first = Math.max(pointAt[this.rules.firstTrigger(plain)], nShown);
    for (const [start, end] of first < of.length ? this.rules.personalSpans(plain) : []) {
      for (let place = Math.max(pointAt[start], first); place < pointAt[end]; place += 1) {
        if (LETTER_OR_NUMBER.test(of[place])) {
          characters[place - nShown] = '*';
        }
      }
    }
    return characters.join('');
  }
}

/**
 * @param {string} text
 * @returns {number[]} the number of characters before each UTF-16 unit, and before the end
 */
function pointsOf(text) {
  const points = [];
  let n = 0;
  for (const char of text) {
    points.push(...Array(char.length).fill(n));
    n += 1;
  }
  return [...points, n];
}

/**
 * Return the place in a line of a place in its plain form: one may have fewer units a character.
 * @param {string} line
 * @param {string} plain
 * @param {number} place
 * @returns {number}
 */
function unitsOf(line, plain, place) {
  return [...line].slice(0, pointsOf(plain)[place]).join('').length;
}
