import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOMParser, type Document, type Element } from '@xmldom/xmldom';
import fc from 'fast-check';
import { capTime, circleAround, writeCap, type CapSource, type CapTransition } from '../../../../core/alerts/cap.ts';
import { distanceM } from '../../../../core/geo/position.ts';

const NAMESPACE = 'urn:oasis:names:tc:emergency:cap:1.2';
/** The sequences of the schema, CAP-v1.2.xsd. */
const ORDER = {
  alert:
    'identifier sender sent status msgType source scope restriction addresses code note references incidents info'.split(
      ' ',
    ),
  info: (
    'language category event responseType urgency severity certainty audience eventCode effective onset expires senderName ' +
    'headline description instruction web contact parameter resource area'
  ).split(' '),
  area: 'areaDesc polygon circle geocode altitude ceiling'.split(' '),
};
const TIME = /^\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[-,+]\d\d:\d\d$/;

const SOURCE: CapSource = {
  sender: 'alerts.example',
  senderName: 'Example network',
  category: 'Geo',
  event: 'Earthquake',
  description: 'Four sensors feel strong shaking.',
  instruction: 'Drop, cover and hold on.',
  responseType: 'Shelter',
  expiresAfterS: 600,
};

function transition(version: number, changes: Partial<CapTransition> = {}): CapTransition {
  return {
    alert_id: '3f0c6b1e-0000-8000-8000-000000000000',
    version,
    kind: version === 1 ? 'raised' : 'updated',
    rule: 'earthquake',
    severity: 'Severe',
    status: 'Exercise',
    headline: 'Earthquake',
    at_us: 1_795_252_273_120_000,
    decided_us: 1_795_252_274_999_999 + version * 1e6,
    evidence: {
      rule_version: 3,
      limit: 4,
      measure: 5,
      origin: { lat: 47, lon: 19, depth_m: 10_000, time_us: 1_795_252_271_500_000, error_m: 2345.6 },
      readings: [],
    },
    ...changes,
  };
}

/** The message of the last of some transitions. */
function messageOf(history: readonly CapTransition[]): string {
  const [last, ...before] = [...history].reverse();
  assert.ok(last !== undefined);
  return writeCap({ transition: last, earlier: before.reverse() }, SOURCE, [AREA]);
}

const AREA = { description: 'Within 30 km of 47.0, 19.0', polygon: circleAround({ lat: 47, lon: 19 }, 30_000) };

function parse(xml: string): Document {
  return new DOMParser({
    onError: (level, message) => {
      throw new Error(`${level}: ${message}`);
    },
  }).parseFromString(xml, 'application/xml');
}

function childrenOf(parent: Element): readonly Element[] {
  return Array.from(parent.childNodes).filter((node): node is Element => node.nodeType === node.ELEMENT_NODE);
}

function textOf(document: Document, name: string): string {
  const found = document.getElementsByTagNameNS(NAMESPACE, name);
  assert.equal(found.length, 1, name);
  return found.item(0)?.textContent ?? '';
}

/** Everything has the namespace, and stands in the order of the schema. */
function assertSchemaOrder(document: Document): void {
  for (const [name, order] of Object.entries(ORDER)) {
    const parents = Array.from(document.getElementsByTagNameNS(NAMESPACE, name));
    assert.equal(parents.length, 1, name);
    for (const parent of parents) {
      const places = childrenOf(parent).map((child) => {
        assert.equal(child.namespaceURI, NAMESPACE);
        return order.indexOf(child.localName ?? '');
      });
      assert.ok(!places.includes(-1), `${name} has an element that the schema does not have`);
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
        name,
      );
    }
  }
}

const RAISED = transition(1);
const UPDATED = transition(2, { severity: 'Extreme' });
const histories = {
  raised: [RAISED],
  updated: [RAISED, UPDATED],
  cleared: [RAISED, UPDATED, transition(3, { kind: 'cleared' })],
  cancelled: [RAISED, transition(2, { kind: 'cancelled' })],
};

for (const [kind, history] of Object.entries(histories)) {
  test(`the message of a ${kind} alert parses, is in the order of the schema and has times without Z and fractions`, () => {
    const xml = messageOf(history);
    const document = parse(xml);
    assertSchemaOrder(document);
    for (const name of ['sent', 'effective', 'onset', 'expires']) assert.match(textOf(document, name), TIME);
    for (const name of ['identifier', 'sender']) assert.match(textOf(document, name), /^[^\s,<&]+$/);
    assert.equal(textOf(document, 'status'), 'Exercise');
    assert.equal(textOf(document, 'scope'), 'Public');
    const corners = textOf(document, 'polygon').split(' ');
    assert.ok(corners.length >= 4);
    assert.equal(corners[0], corners.at(-1));
    for (const corner of corners) {
      const [lat = NaN, lon = NaN] = corner.split(',').map(Number);
      assert.ok(Math.abs(distanceM({ lat, lon }, { lat: 47, lon: 19 }) - 30_000) < 300, corner);
    }
  });
}

test('raised is an Alert without references, updated an Update, cleared an Update that is all clear, cancelled a Cancel', () => {
  const told = Object.values(histories).map((history) => {
    const document = parse(messageOf(history));
    return ['msgType', 'responseType', 'urgency', 'severity'].map((name) => textOf(document, name)).join(' ');
  });
  assert.deepEqual(told, [
    'Alert Shelter Immediate Severe',
    'Update Shelter Immediate Extreme',
    'Update AllClear Past Severe',
    'Cancel AllClear Past Severe',
  ]);
  assert.equal(parse(messageOf([RAISED])).getElementsByTagNameNS(NAMESPACE, 'references').length, 0);
});

test('references name every message before, with the time copied exactly', () => {
  const sent = histories.cleared.slice(0, -1).map((_, index) => {
    const document = parse(messageOf(histories.cleared.slice(0, index + 1)));
    return ['sender', 'identifier', 'sent'].map((name) => textOf(document, name)).join(',');
  });
  assert.equal(textOf(parse(messageOf(histories.cleared)), 'references'), sent.join(' '));
  assert.equal(new Set(sent).size, 2);
});

test('times are whole seconds of UTC, rounded down', () => {
  assert.equal(capTime(1_795_252_274_999_999), '2026-11-21T09:11:14-00:00');
  assert.equal(capTime(0), '1970-01-01T00:00:00-00:00');
});

test('whatever people write comes out of a parser as it went in, but for what XML cannot hold', () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('&', '<', '>', '"', "'", ']]>', '\0', '\u{1F}', '\u{FFFE}', '\uD800', '\n'),
      fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }),
    ),
  });
  fc.assert(
    fc.property(text, text, (headline, description) => {
      const xml = writeCap({ transition: transition(1, { headline }), earlier: [] }, { ...SOURCE, description }, [
        AREA,
      ]);
      const document = parse(xml);
      assertSchemaOrder(document);
      const inXml = (written: string) =>
        Array.from(written, (character) =>
          /[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(character) ? '?' : character,
        )
          .join('')
          .replace(/\r\n?/g, '\n');
      assert.equal(textOf(document, 'headline'), inXml(headline));
      assert.equal(textOf(document, 'description'), inXml(description));
    }),
    { numRuns: 100 },
  );
});

test('a sender that would break the references and no area are refused', () => {
  for (const sender of ['', 'a b', 'a,b', 'a<b', 'a&b', 'a\nb']) {
    assert.throws(() => writeCap({ transition: RAISED, earlier: [] }, { ...SOURCE, sender }, [AREA]), /sender/);
  }
  assert.throws(
    () =>
      writeCap({ transition: RAISED, earlier: [] }, SOURCE, [
        { description: 'line', polygon: AREA.polygon.slice(0, 2) },
      ]),
    /corners/,
  );
});

test('a circle at the pole or at the line of dates has corners that exist', () => {
  for (const centre of [
    { lat: 89.99, lon: 0 },
    { lat: 0, lon: 180 },
    { lat: -45, lon: -179.99 },
  ]) {
    for (const { lat, lon } of circleAround(centre, 50_000)) {
      assert.ok(Math.abs(lat) <= 90 && Math.abs(lon) <= 180, `${lat},${lon}`);
    }
  }
});
