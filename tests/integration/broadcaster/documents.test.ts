import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOMParser, type Document } from '@xmldom/xmldom';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { ruleSchema } from '../../../core/detection/rule.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis } from '../../../platform/redis/open-redis.ts';
import { AlertLog } from '../../../platform/redis/alert-log/alert-log.ts';
import { transitionRequest } from '../../support/alert-requests.ts';
import { eventually } from '../../support/eventually.ts';
import { FENCE } from '../../support/held.ts';
import { startRedis } from '../../support/redis.ts';
import { startBroadcasterProcess } from '../../support/running-broadcaster.ts';

const ATOM = 'http://www.w3.org/2005/Atom';
const CAP = 'urn:oasis:names:tc:emergency:cap:1.2';

function parse(xml: string): Document {
  return new DOMParser({
    onError: (level, message) => {
      throw new Error(`${level}: ${message}`);
    },
  }).parseFromString(xml, 'application/xml');
}

function textsOf(document: Document, namespace: string, name: string): readonly string[] {
  return Array.from(document.getElementsByTagNameNS(namespace, name)).map(({ textContent }) => textContent ?? '');
}

test('active alerts are in an Atom feed, each with its CAP message, which is there for a while after the end', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  const base = `http://127.0.0.1:${broadcaster.port}`;
  const load = async (path: string): Promise<{ status: number; type: string | null; text: string }> => {
    const response = await fetch(path.startsWith('http') ? path : `${base}${path}`);
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  try {
    const empty = await load('/v1/alerts/feed.atom');
    assert.deepEqual([empty.status, empty.type], [200, 'application/atom+xml; charset=utf-8']);
    assert.equal(textsOf(parse(empty.text), ATOM, 'entry').length, 0);

    const rule = ruleSchema.parse({
      kind: 'threshold',
      id: 'strong-motion',
      version: 1,
      scope: { metrics: ['x'] },
      severity: 'Severe',
      headline: 'Strong motion',
      when: 'above',
      limit: 10,
      clear_limit: 5,
      cap: {
        category: 'Geo',
        event: 'Earthquake',
        response_type: 'Shelter',
        instruction: 'Drop & cover.',
        radius_m: 5000,
      },
    });
    await redis.hset(redisKeys.rules, rule.id, JSON.stringify(rule));
    const log = new AlertLog(redis);
    const raised = await log.append(transitionRequest('raised', 1, { headline: 'Rengés & "más"' }), FENCE);
    await log.append(transitionRequest('updated', 2, { severity: 'Extreme' }), FENCE);
    const other = await log.append(transitionRequest('raised', 1, { subject: 'dev-2', position: null }), FENCE);
    await eventually(async () => {
      const feed = parse((await load('/v1/alerts/feed.atom')).text);
      assert.deepEqual(textsOf(feed, ATOM, 'id').slice(1), [
        `urn:uuid:${other?.alert_id}`,
        `urn:uuid:${raised?.alert_id}`,
      ]);
    });

    const feed = parse((await load('/v1/alerts/feed.atom')).text);
    const links = Array.from(feed.getElementsByTagNameNS(ATOM, 'link')).filter(
      (link) => link.getAttribute('rel') === 'alternate',
    );
    const url = links[1]?.getAttribute('href') ?? '';
    assert.equal(url, `${base}/v1/alerts/${raised?.alert_id}/cap`);
    const message = await load(url);
    assert.deepEqual([message.status, message.type], [200, 'application/cap+xml; charset=utf-8']);
    const cap = parse(message.text);
    assert.deepEqual(
      ['msgType', 'event', 'instruction', 'severity'].map((name) => textsOf(cap, CAP, name)[0]),
      ['Update', 'Earthquake', 'Drop & cover.', 'Extreme'],
    );
    assert.match(textsOf(cap, CAP, 'references')[0] ?? '', new RegExp(`^telltale.invalid,${raised?.alert_id}\\.1,`));
    assert.equal(textsOf(cap, CAP, 'polygon').length, 1);

    await log.append(transitionRequest('cancelled', 3), FENCE);
    await eventually(async () => {
      const ended = parse((await load(url)).text);
      assert.equal(textsOf(ended, CAP, 'msgType')[0], 'Cancel');
    });
    assert.equal(textsOf(parse((await load('/v1/alerts/feed.atom')).text), ATOM, 'entry').length, 1);

    assert.equal((await load('/v1/alerts/nobody/cap')).status, 404);
    assert.equal((await load('/v1/alerts/')).status, 404);
  } finally {
    redis.disconnect();
  }
});

test('while Redis is away whoever asks is told so, and others are not held up', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  const url = `http://127.0.0.1:${broadcaster.port}/v1/alerts/feed.atom`;
  assert.equal((await fetch(url)).status, 200);
  await server.stop();
  await eventually(async () => assert.equal((await fetch(url)).status, 503));
  await server.restart();
  await eventually(async () => assert.equal((await fetch(url)).status, 200));
});
