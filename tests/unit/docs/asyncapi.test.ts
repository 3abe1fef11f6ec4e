import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { createAsyncApi } from '../../../scripts/docs/asyncapi.ts';

const written: unknown = JSON.parse(readFileSync('docs/asyncapi.json', 'utf8'));

test('docs/asyncapi.json is what the contract says; "npm run docs:asyncapi" writes it', () => {
  assert.deepEqual(written, JSON.parse(JSON.stringify(createAsyncApi())));
});

test('docs/asyncapi.json is a document of AsyncAPI 3.0', () => {
  const require = createRequire(import.meta.url);
  const schema = require('@asyncapi/specs/schemas/3.0.0.json') as object;
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false, meta: false, validateSchema: false });
  const validate = ajv.compile(schema);
  assert.ok(validate(written), JSON.stringify(validate.errors?.slice(0, 5)));
  assert.equal(validate({ ...(written as object), channels: [] }), false);
});
