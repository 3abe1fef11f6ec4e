import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplyReader } from '../../../../scripts/bench/load/reply-reader.ts';

const ACCEPTED = Buffer.from(
  'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nuWebSockets: 20\r\nContent-Length: 14\r\n\r\n{"accepted":1}',
);

test('a reply is read once it is complete, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: ACCEPTED.length - 1 }), { maxLength: 6 }), (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), ACCEPTED.length];
      const pieces = edges.slice(1).map((end, index) => ACCEPTED.subarray(edges[index], end));
      const reader = new ReplyReader();
      for (let round = 0; round < 2; round += 1) {
        const replies = pieces.map((piece) => reader.read(piece));
        assert.deepEqual(replies.at(-1), { status: 202, body: '{"accepted":1}' });
        assert.ok(replies.slice(0, -1).every((reply) => reply === undefined));
      }
    }),
  );
});

test('a reply of another status keeps its status and body', () => {
  const reply = new ReplyReader().read(Buffer.from('HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}'));
  assert.deepEqual(reply, { status: 503, body: '{}' });
});

test('what is not one HTTP/1.1 reply with a length is an error', () => {
  const wrong = [
    'HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 202 Accepted\r\n\r\nContent-Length: 0\r\n',
    `${ACCEPTED.toString()}H`,
    `${ACCEPTED.toString()}${ACCEPTED.toString()}`,
  ];
  for (const text of wrong) assert.throws(() => new ReplyReader().read(Buffer.from(text)), Error, text);
});
