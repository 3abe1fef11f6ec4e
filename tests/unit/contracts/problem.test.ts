import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBLEM_CODES, problemOf } from '../../../contracts/problem.ts';

test('every problem carries its code, a type and a status of the 4xx or 5xx class', () => {
  for (const code of PROBLEM_CODES) {
    const problem = problemOf(code, { detail: 'why' });
    assert.equal(problem.code, code);
    assert.match(problem.type, /^(urn:telltale:problem:|https:\/\/iana\.org\/assignments\/http-problem-types#)/);
    assert.ok(problem.status >= 400 && problem.status < 600);
    assert.equal(problem.detail, 'why');
  }
});
