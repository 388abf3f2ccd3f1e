// Turns -> a reply in pieces, as chatbot/inference/bot.py and generate.py make it.

import {TOKENS_AT_ONCE} from './layout.js';
import {Sampler, randomNumbers} from './sampler.js';
import {Shield, ShieldRules} from './shield.js';
import {renderPrompt} from './template.js';
import {Bubbles, TextRules} from './text.js';
import {BpeTokenizer} from './tokenizer.js';

/**
 * @typedef {import('./network.js').Network} Network
 * @typedef {import('../ui/backend.js').Turn} Turn
 * @typedef {import('../ui/backend.js').ReplyEvent} ReplyEvent
 */

const N_ATTEMPTS = 4; // per candidate, to get a reply without a forbidden word
const PAUSE_MILLISECONDS = 12; // of work between two looks for a message that stops it
// "ㅋㅋ" may be answered by "ㅋㅋ", but other messages are not echoed.
const SAYS_SOMETHING = /(?![ㄱ-ㅣ])[\p{L}\p{N}]/u;

/** Replies to conversations, one at a time; the network keeps what two of them share. */
export class Bot {
  /**
   * @param {Network} network
   * @param {any} description  of chatbot/publishing/page/payload.py
   */
  constructor(network, description) {
    this.network = network;
    this.contextLength = network.shape.block_size;
    this.sampling = description.sampling;
    this.output = description.output;
    this.historyTurns = description.history_turns;
    this.tokenizer = new BpeTokenizer(description.tokenizer);
    this.rules = new TextRules(description.text);
    this.shieldRules = description.shield && new ShieldRules(description.shield);
    this.random = randomNumbers(description.sampling.seed ?? null);
    /** @type {number[]} */
    this.tokens = []; // those in the network's cache
    this.pausedAt = 0;
  }

  /**
   * Reply as a persona; ends early, without an end event, once isStopped() is true.
   * @param {{turns: Turn[], persona: string}} request
   * @param {() => boolean} isStopped
   * @returns {AsyncGenerator<ReplyEvent>}
   */
  async* reply({turns, persona}, isStopped) {
    const number = Number(persona);
    const history = this.heard(turns, number);
    if (this.sampling.candidates === 1 && this.sampling.forbidden_words.length === 0) {
      yield* this.attempt(history, number, new Sampler(this.sampling, this.random), isStopped);
    } else {
      yield* this.chosen(history, number, isStopped);
    }
  }

  /**
   * Return turns by speaker, normalized as in training; successive ones of a speaker are one.
   * @param {Turn[]} turns
   * @param {number} number  of the speaker who replies
   * @returns {{speaker: number, text: string}[]}
   */
  heard(turns, number) {
    const other = number === 0 && this.tokenizer.nSpeakers > 1 ? 1 : 0;
    /** @type {{speaker: number, text: string}[]} */
    const history = [];
    for (const turn of turns) {
      // Of a history with another model, whoever this one lacks is its last speaker.
      const speaker = Math.min(Number(turn.persona ?? other), this.tokenizer.nSpeakers - 1);
      const text = this.rules.normalize(turn.text);
      const last = history.at(-1);
      if (last?.speaker === speaker) {
        last.text += `\n${text}`;
      } else {
        history.push({speaker, text: speaker === 0 ? text : this.rules.asked(text)});
      }
    }
    return history;
  }

  /**
   * Return the tokens of a prompt that leaves context for a reply.
   * @param {{speaker: number, text: string}[]} history
   * @param {number} number
   * @returns {number[]}
   */
  prompt(history, number) {
    const longest = Math.min(this.sampling.max_new_tokens, Math.floor(this.contextLength / 2));
    const turns = history.slice(-this.historyTurns);
    return renderPrompt(turns, number, this.tokenizer, this.contextLength - longest);
  }

  /**
   * Yield one reply as it is generated.
   * @param {{speaker: number, text: string}[]} history
   * @param {number} number
   * @param {Sampler} sampler
   * @param {() => boolean} isStopped
   * @returns {AsyncGenerator<ReplyEvent>}
   */
  async* attempt(history, number, sampler, isStopped) {
    const prompt = this.prompt(history, number);
    yield* this.read(prompt, isStopped);
    const echo = history.at(-1)?.text ?? '';
    const limits = {
      echo: SAYS_SOMETHING.test(echo) ? echo : '',
      longest: Math.min(this.sampling.max_new_tokens, this.contextLength - prompt.length),
    };
    const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
    const bubbles = new Bubbles(this.rules, this.output.max_bubbles, this.output.one_line);
    const shield = this.shieldRules && new Shield(this.shieldRules);
    /** @type {number[]} */
    const reply = [];
    const shown = (/** @type {string} */ piece) => {
      const text = bubbles.push(piece);
      return shield ? shield.push(text) : text;
    };
    let token = null;
    while (!bubbles.isFull && (token = this.nextToken(prompt, reply, sampler, limits)) !== null) {
      const text = shown(decoder.decode(this.tokenizer.bytes[token], {stream: true}));
      if (text) {
        yield {kind: 'text', text};
      }
      await this.pause();
      if (isStopped()) {
        return;
      }
    }
    const isWhole = bubbles.isFull || reply.length < limits.longest;
    const rest = (bubbles.isFull ? '' : shown(decoder.decode())) + (shield?.finish() ?? '');
    if (rest) {
      yield {kind: 'text', text: rest};
    }
    yield {kind: 'end', reason: isWhole ? 'stop' : 'length'};
  }

  /**
   * Draw the next token of a reply, and add it; null at the reply's end.
   * @param {number[]} prompt
   * @param {number[]} reply
   * @param {Sampler} sampler
   * @param {{echo: string, longest: number}} limits
   * @returns {number|null}
   */
  nextToken(prompt, reply, sampler, {echo, longest}) {
    if (reply.length >= longest) {
      return null;
    }
    if (reply.length > 0) {
      this.append([reply[reply.length - 1]]);
    }
    const {tokenizer, rules} = this;
    const control = [...Array(tokenizer.nControl).keys()];
    const isBegun = reply.some((token) => !tokenizer.blankIds.has(token));
    const mayEnd = isBegun && reply.length >= this.sampling.min_new_tokens;
    let forbidden = mayEnd ? control.filter((token) => token !== tokenizer.eosId) : control;
    if (echo && rules.strip(tokenizer.decode(reply)) === echo) {
      forbidden = [...control, ...tokenizer.spaceIds];
    }
    const token = sampler.draw(this.network.logits(), reply, forbidden);
    if (token === null || token === tokenizer.eosId) {
      return null;
    }
    reply.push(token);
    return token;
  }

  /**
   * Make the network read a prompt after what it shares with the tokens read before.
   * @param {number[]} prompt
   * @param {() => boolean} isStopped
   * @returns {AsyncGenerator<ReplyEvent>}
   */
  async* read(prompt, isStopped) {
    let nSame = 0;
    while (nSame < prompt.length - 1 && this.tokens[nSame] === prompt[nSame]) {
      nSame += 1;
    }
    this.network.cut(nSame);
    this.tokens.length = nSame;
    const total = prompt.length - nSame;
    for (let done = 0; done < total; done += TOKENS_AT_ONCE) {
      if (isStopped()) {
        return;
      }
      yield {kind: 'reading', done, total};
      this.append(prompt.slice(nSame + done, nSame + done + TOKENS_AT_ONCE));
      await this.pause();
    }
  }

  /**
   * @param {number[]} tokens
   */
  append(tokens) {
    this.network.read(tokens);
    this.tokens.push(...tokens);
  }

  /**
   * Yield the most confident candidate without a forbidden word; nothing if there is none.
   * @param {{speaker: number, text: string}[]} history
   * @param {number} number
   * @param {() => boolean} isStopped
   * @returns {AsyncGenerator<ReplyEvent>}
   */
  async* chosen(history, number, isStopped) {
    const {candidates, forbidden_words: words} = this.sampling;
    /** @type {{text: string, confidence: number, end: ReplyEvent}} */
    let best = {text: '', confidence: -Infinity, end: {kind: 'end', reason: 'stop'}};
    for (let n = 0; n < N_ATTEMPTS * candidates && !(n >= candidates && best.text); n += 1) {
      const sampler = new Sampler(this.sampling, this.random);
      let text = '';
      let end = best.end;
      for await (const event of this.attempt(history, number, sampler, isStopped)) {
        if (event.kind === 'text') {
          text += event.text;
        } else if (event.kind === 'end') {
          end = event;
        } else if (n === 0) {
          yield event;
        }
      }
      if (isStopped()) {
        return;
      }
      const isForbidden = words.some((/** @type {string} */ word) => text.includes(word));
      if (!isForbidden && sampler.confidence() > best.confidence) {
        best = {text, confidence: sampler.confidence(), end};
      }
    }
    if (best.text) {
      yield {kind: 'text', text: best.text};
    }
    yield best.end;
  }

  /** Let messages arrive, now and then: a worker hears nothing while it computes. */
  async pause() {
    if (performance.now() - this.pausedAt > PAUSE_MILLISECONDS) {
      await new Promise((resolve) => {
        const {port1, port2} = new MessageChannel();
        port1.onmessage = () => {
          port1.close();
          resolve(undefined);
        };
        port2.postMessage(null);
      });
      this.pausedAt = performance.now();
    }
  }
}
