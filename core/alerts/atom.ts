/** A feed of alerts (Atom, RFC 4287), as those who collect CAP messages read it. */
import { element, escapeAttribute } from './cap.ts';

export interface AtomFeed {
  /** Absolute URI under which it is found; names it too. */
  readonly url: string;
  readonly title: string;
  readonly author: string;
  /** Of the newest change, Unix microseconds. */
  readonly updatedUs: number;
  readonly entries: readonly AtomEntry[];
}

export interface AtomEntry {
  /** A UUID. */
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** Unix microseconds. */
  readonly publishedUs: number;
  readonly updatedUs: number;
  /** Such as the severity. */
  readonly categories: readonly string[];
  /** Absolute URI of its CAP message. */
  readonly capUrl: string;
}

export function writeAtom({ url, title, author, updatedUs, entries }: AtomFeed): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    element('id', url),
    element('title', title),
    element('updated', atomTime(updatedUs)),
    `<author>${element('name', author)}</author>`,
    `<link rel="self" type="application/atom+xml" href="${escapeAttribute(url)}"/>`,
    ...entries.map((entry) =>
      [
        '<entry>',
        element('id', `urn:uuid:${entry.id}`),
        element('title', entry.title),
        element('published', atomTime(entry.publishedUs)),
        element('updated', atomTime(entry.updatedUs)),
        ...entry.categories.map((term) => `<category term="${escapeAttribute(term)}"/>`),
        element('summary', entry.summary),
        `<link rel="alternate" type="application/cap+xml" href="${escapeAttribute(entry.capUrl)}"/>`,
        '</entry>',
      ].join('\n'),
    ),
    '</feed>',
    '',
  ].join('\n');
}

/** RFC 3339. */
function atomTime(unixUs: number): string {
  return new Date(Math.floor(unixUs / 1000)).toISOString();
}
