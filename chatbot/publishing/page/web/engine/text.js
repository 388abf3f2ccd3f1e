// Text as the model was trained on it (chatbot/ingest/cleaning/rules.py), and replies as bubbles.

/**
 * The source and flags of a pattern that Python exported.
 * @typedef {[string, string]} Pattern
 */

/**
 * @param {Pattern} pattern
 * @param {string} [flags]  others than its own
 * @returns {RegExp}
 */
export function compilePattern([source, own], flags = own) {
  return new RegExp(source, flags);
}

/** Normalizes text by a model's own rules. */
export class TextRules {
  /** @param {any} rules  text_rules of chatbot/publishing/page/rules.py */
  constructor(rules) {
    const compiled = (/** @type {string} */ name) => compilePattern(rules[name]);
    this.mask = rules.mask;
    this.maxRun = rules.max_run;
    this.prefix = rules.prefix;
    this.label = rules.label;
    this.loneSurrogate = compiled('lone_surrogate');
    this.blankLetter = compiled('blank_letter');
    this.hidden = compiled('hidden');
    this.url = compiled('url');
    this.spaces = compiled('spaces');
    this.lineEnd = compiled('line_end');
    this.run = compiled('run');
    const [space] = rules.space;
    this.space = new RegExp(`^${space}$`, 'u');
    this.edges = new RegExp(`^${space}+|${space}+$`, 'gu');
  }

  /**
   * @param {string} text
   * @returns {string}
   */
  normalize(text) {
    let clean = text.replace(this.loneSurrogate, '\ufffd').replace(this.blankLetter, ' ');
    clean = clean.replace(this.hidden, '').normalize('NFC');
    if (this.mask !== null) {
      clean = clean.replace(this.url, () => this.mask);
    }
    clean = this.strip(clean.replace(this.spaces, ' ').replace(this.lineEnd, '\n'));
    return clean.replace(this.run, (_, char) => char.repeat(this.maxRun));
  }

  /**
   * @param {string} text
   * @returns {string} the prompt of a question to a desk, unless it is one
   */
  asked(text) {
    const rest = text.replace(/^\[[^[\]]*\] /u, '');
    const starts = [[text, this.prefix], [text, this.label], [rest, this.label]];
    return starts.some(([a, b]) => a.startsWith(b)) ? text : this.prefix + text;
  }

  /**
   * @param {string} text
   * @returns {string} text without the space around it, as Python's str.strip()
   */
  strip(text) {
    return text.replace(this.edges, '');
  }

  /**
   * @param {string} char
   * @returns {boolean}
   */
  isSpace(char) {
    return this.space.test(char);
  }
}

/** Passes text on up to the last bubble, without blank lines and surrounding space. */
export class Bubbles {
  /**
   * @param {TextRules} rules
   * @param {number} maxBubbles
   * @param {boolean} isOneLine
   */
  constructor(rules, maxBubbles, isOneLine) {
    this.rules = rules;
    this.maxBubbles = maxBubbles;
    this.separator = isOneLine ? ' ' : '\n';
    this.nBubbles = 1;
    this.isNew = true;
    this.isFull = false;
    this.waiting = ''; // space that is only passed on if text follows it
  }

  /**
   * @param {string} piece
   * @returns {string}
   */
  push(piece) {
    let text = '';
    for (const char of piece) {
      if (this.rules.isSpace(char)) {
        this.waiting += char;
        continue;
      }
      if (this.waiting.includes('\n') && !this.isNew) {
        this.nBubbles += 1;
        if (this.nBubbles > this.maxBubbles) {
          this.isFull = true;
          return text;
        }
        text += this.separator;
      } else if (!this.isNew) {
        text += this.waiting;
      }
      this.waiting = '';
      this.isNew = false;
      text += char;
    }
    return text;
  }
}
