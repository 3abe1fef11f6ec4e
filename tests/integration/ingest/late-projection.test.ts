import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { apiKeyOf, enrolment, getRequest, giveToken, parseAnswer } from '../../support/enrolling.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { createProjector } from '../../support/projecting.ts';
import { send } from '../../support/raw-http.ts';
import { readEverything } from '../../support/read-everything.ts';
import { createCarryOut } from '../../support/registry-worker.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { TOKEN } from '../../support/held.ts';

let platform: IngestPlatform;

before(async () => {
  platform = await openIngestPlatform({ TELLTALE_INGEST_REQUEST_WAIT_S: '1' });
});
after(() => platform[Symbol.asyncDispose]());

test('without a worker an enrolment is pending, and its outcome can be asked for until the device is heard', async () => {
  const { stores, port } = platform;
  const device = new SignedDevice('late-1');
  const token = await giveToken(stores);
  const answer = parseAnswer(await send(port, enrolment(device, token)), 202);
  assert.equal(answer.state, 'pending');
  const apiKey = apiKeyOf(answer);
  const stored = await readEverything(stores);
  assert.equal(stored.includes(token.slice(3)) || stored.includes(apiKey.text.slice(-36)), false);

  const stateOf = async () => parseAnswer(await send(port, getRequest(answer.location)), 200).state;
  assert.equal(await stateOf(), 'pending');
  const carryOut = createCarryOut(stores);
  await carryOut.pass(TOKEN);
  await carryOut.pass(TOKEN);
  assert.equal(await stateOf(), 'pending', 'carried out, and not projected');
  assertProblem(await send(port, device.request({ apiKey: apiKey.text })), 401, 'unauthorized');
  await createProjector(stores).check();
  assert.equal(await stateOf(), 'done');
  await eventually(async () => assertAccepted(await send(port, device.request({ apiKey: apiKey.text })), 1));
});

test('a pending enrolment that is refused in the end says why', async () => {
  const { stores, port } = platform;
  const token = await giveToken(stores);
  const answers = [];
  for (const id of ['late-2', 'late-3']) {
    answers.push(parseAnswer(await send(port, enrolment(new SignedDevice(id), token)), 202));
  }
  const carryOut = createCarryOut(stores);
  await carryOut.pass(TOKEN);
  await carryOut.pass(TOKEN);
  await createProjector(stores).check();
  const states = [];
  for (const { location } of answers) states.push(parseAnswer(await send(port, getRequest(location)), 200));
  assert.deepEqual(
    states.map(({ state, problem }) => [state, problem?.code]),
    [
      ['done', undefined],
      ['refused', 'enrolment-token-invalid'],
    ],
  );
});

test('a backlog that is full refuses more, and loses nothing of what it has', async () => {
  const { stores, port } = platform;
  const pipeline = stores.redis.pipeline();
  for (let entry = 0; entry < 10_000; entry += 1) pipeline.xadd(redisKeys.requests, '*', 'request', '{}');
  await pipeline.exec();
  const request = enrolment(new SignedDevice('late-4'), await giveToken(stores));
  assertProblem(await send(port, request), 503, 'temporary-reduced-capacity');
  assert.equal(await stores.redis.xlen(redisKeys.requests), 10_000);
  await stores.redis.xtrim(redisKeys.requests, 'MAXLEN', 0);
  parseAnswer(await send(port, request), 202);
});

test('ingest that is stopped answers who waits at once', async () => {
  await using other = await openIngestPlatform({ TELLTALE_INGEST_REQUEST_WAIT_S: '30' });
  const token = await giveToken(other.stores);
  const response = send(other.port, enrolment(new SignedDevice('late-5'), token));
  await eventually(async () => assert.equal(await other.stores.redis.xlen(redisKeys.requests), 1));
  const startedMs = performance.now();
  await other.ingest[Symbol.asyncDispose]();
  parseAnswer(await response, 202);
  assert.ok(performance.now() - startedMs < 10_000);
});
