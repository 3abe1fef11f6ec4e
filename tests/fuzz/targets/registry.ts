import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseAdmittedPack } from '../../../contracts/admitted-pack.ts';
import { enrolmentRequestSchema, keyRequestSchema } from '../../../contracts/enrolment.ts';
import { parseRegistryRequest, parseRequestState } from '../../../contracts/registry-request.ts';
import { parseRequestBody } from '../../../services/ingest/registry-requests/parse-request-body.ts';
import { possessionVector } from '../../support/vectors.ts';
import { jsonBytes, jsonObjects } from '../arbitraries/json-text.ts';
import { mutated, mutatedText } from '../arbitraries/mutated.ts';
import { createTarget } from '../fuzz-target.ts';

const { enrolment, key } = possessionVector;
const PIECES = ['"', ',', '{', '}', 'null', '1e400', '\\u0000', '"key_id":"2",', '\u00ff'].map((text) =>
  Buffer.from(text),
);
const NAMES = [
  'token',
  'device_id',
  'key_id',
  'public_key',
  'created',
  'signature',
  'not_before',
  'not_after',
  '__proto__',
];
const VALUES = [
  '"dev-101"',
  '"1"',
  '1734567891',
  '-1',
  '1.5',
  `"${'A'.repeat(86)}"`,
  `"${'B'.repeat(87)}"`,
  `"${'x'.repeat(1025)}"`,
  'null',
];
const bodies = fc.oneof(
  { weight: 3, arbitrary: mutated([Buffer.from(enrolment.body), Buffer.from(key.body)], PIECES) },
  { weight: 2, arbitrary: jsonObjects(NAMES, VALUES).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: jsonBytes },
);

export const registryRequests = createTarget('registry-requests', bodies, (content) => {
  for (const schema of [enrolmentRequestSchema, keyRequestSchema]) {
    const parsed = parseRequestBody<unknown>(content, schema);
    if (!parsed.ok) {
      assert.ok(['malformed-body', 'schema-invalid'].includes(parsed.error.code), parsed.error.code);
      continue;
    }
    assert.deepEqual(parseRequestBody<unknown>(Buffer.from(JSON.stringify(parsed.value)), schema), parsed);
  }
});

const ENTRIES = [
  '{"device":"dev-1","key":"k","nonce":7,"created_us":1,"received_us":2,"metrics":["a"],"units":[null],"metric":[0,0],"time_us":[1,2],"value":[1,"x"],"sum":[null,2]}',
  '{"kind":"key","id":"8nZ2mH0Yk1bqVw3oT5cRuA","received_ms":1,"device":"dev-1","signed_by":"1","key":{"id":"2","public_key":"x","thumbprint":"y"},"not_before_ms":null,"not_after_ms":5}',
  '{"kind":"key","device":"dev-1","key":"2","outcome":{"state":"done","version":"7"}}',
];
const entries = mutatedText(ENTRIES, ['null', '[]', '{}', '-1', '1e400', '"', ',', '}', '"__proto__":', '1.5', '99']);

/** What the services read from Redis, where an older or a newer one may have written it. */
export const logEntries = createTarget('log-entries', entries, (json) => {
  const pack = parseAdmittedPack(json);
  if (pack !== undefined) {
    assert.ok(pack.metric.every((index) => pack.metrics[index] !== undefined));
    assert.deepEqual(parseAdmittedPack(JSON.stringify(pack)), pack);
  }
  for (const parse of [parseRegistryRequest, parseRequestState]) {
    const read = parse(json);
    if (read !== undefined) assert.deepEqual(parse(JSON.stringify(read)), read);
  }
});
