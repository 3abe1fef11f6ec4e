import assert from 'node:assert/strict';
import { z } from 'zod';
import type { RawResponse } from './raw-http.ts';

const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string().min(1),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string().min(1) })).optional(),
});
export type ReceivedProblem = z.infer<typeof problemSchema>;

const IANA = 'https://iana.org/assignments/http-problem-types#';

/** Asserts that the response is this problem in the form that every problem has, and answers its document. */
export function assertProblem(response: RawResponse, status: number, code: string): ReceivedProblem {
  assert.equal(response.headers.get('content-type'), 'application/problem+json', response.body);
  const problem = problemSchema.parse(JSON.parse(response.body));
  assert.equal(problem.code, code, response.body);
  assert.equal(response.status, status, response.body);
  assert.equal(problem.status, status);
  assert.equal(problem.type, status === 503 ? `${IANA}${code}` : `urn:telltale:problem:${code}`);
  assert.doesNotMatch(response.body, / at .*:\d+:\d+/);
  return problem;
}

export function assertAccepted(response: RawResponse, readings: number): void {
  assert.equal(response.status, 202, response.body);
  assert.deepEqual(JSON.parse(response.body), { accepted: readings });
}
