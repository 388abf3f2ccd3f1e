// The conversation on this device: rows of one IndexedDB table, or memory where there is none.

/** @typedef {import('./conversation.js').Message} Message */

const DATABASE = 'chatbot';
const TABLE = 'messages';
const OPENING_MS = 3000; // some private modes never answer

/** The messages of one conversation; `isKept` is false if they are gone with the page. */
export class History {
  /**
   * @param {string} room  the backend's storageKey
   * @param {CryptoKey|null} key  seals the rows, where the backend has a key
   * @param {IDBDatabase|null} database
   */
  constructor(room, key, database) {
    this.room = room;
    this.key = key;
    this.database = database;
    this.nextId = 1;
  }

  get isKept() {
    return this.database !== null;
  }

  /** @returns {Promise<Message[]>} in the order in which they were written */
  async load() {
    if (!this.database) {
      return [];
    }
    const table = this.database.transaction(TABLE).objectStore(TABLE);
    const rows = await answered(table.index('room').getAll(this.room));
    const messages = await Promise.all(rows.map((row) => this.unsealed(row)));
    return messages.filter((message) => message !== null);
  }

  /**
   * Store a message and return it with its id; without a place to store it, only that.
   * @param {Omit<Message, 'id'>} message
   * @returns {Promise<Message>}
   */
  async add(message) {
    const row = {room: this.room, ...(await this.sealed(message))};
    /** @type {number|null} */
    let id = null;
    await this.change(async (table) => {
      id = Number(await answered(table.add(row)));
    });
    return {...message, id: id ?? this.nextId++};
  }

  /** @param {number[]} ids */
  async remove(ids) {
    await this.change((table) => ids.forEach((id) => table.delete(id)));
  }

  async clear() {
    await this.change(async (table) => {
      const ids = await answered(table.index('room').getAllKeys(this.room));
      ids.forEach((id) => table.delete(id));
    });
  }

  /**
   * Change the table; from the first failure on (a full disk) the conversation is in memory only.
   * @param {(table: IDBObjectStore) => unknown} act
   */
  async change(act) {
    if (!this.database) {
      return;
    }
    try {
      const transaction = this.database.transaction(TABLE, 'readwrite');
      const isDone = finished(transaction);
      await Promise.all([isDone, act(transaction.objectStore(TABLE))]);
    } catch {
      this.database = null;
      this.nextId = Date.now(); // apart from the ids that the table gave
    }
  }

  /**
   * @param {Omit<Message, 'id'>} message
   * @returns {Promise<object>}
   */
  async sealed(message) {
    if (!this.key) {
      return message;
    }
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const content = new TextEncoder().encode(JSON.stringify(message));
    return {iv, sealed: await crypto.subtle.encrypt({name: 'AES-GCM', iv}, this.key, content)};
  }

  /**
   * @param {any} row
   * @returns {Promise<Message|null>} null for a row that another key sealed
   */
  async unsealed(row) {
    if (!row.sealed) {
      return {id: row.id, persona: row.persona, text: row.text, at: row.at};
    }
    try {
      const algorithm = {name: 'AES-GCM', iv: row.iv};
      const content = await crypto.subtle.decrypt(algorithm, this.key ?? NO_KEY, row.sealed);
      return {...JSON.parse(new TextDecoder().decode(content)), id: row.id};
    } catch {
      return null;
    }
  }
}

const NO_KEY = /** @type {CryptoKey} */ (/** @type {unknown} */ (null));

/**
 * Open the history of a backend.
 * @param {string} room
 * @param {CryptoKey|null} key
 * @returns {Promise<History>}
 */
export async function openHistory(room, key) {
  return new History(room, key, await openDatabase());
}

/** @returns {Promise<IDBDatabase|null>} */
async function openDatabase() {
  try {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      const table = request.result.createObjectStore(TABLE, {keyPath: 'id', autoIncrement: true});
      table.createIndex('room', 'room');
    };
    const late = new Promise((_, reject) => setTimeout(reject, OPENING_MS));
    return /** @type {IDBDatabase} */ (await Promise.race([answered(request), late]));
  } catch {
    return null;
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

/** Delete the stored conversations of every backend of this origin. */
export async function deleteHistories() {
  const database = await openDatabase();
  if (database) {
    const transaction = database.transaction(TABLE, 'readwrite');
    transaction.objectStore(TABLE).clear();
    await finished(transaction);
  }
}
