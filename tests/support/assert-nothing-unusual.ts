import assert from 'node:assert/strict';

/** Level 40 is a warning. */
const UNUSUAL_RECORD = /"level":(40|50|60),/;
const STACK = /"stack":|^\s+at .+[:)]\d*\)?$/;
const NODE_WARNING = /^\(node:\d+\)|Warning:/;

/** No stack trace and no warning of Node: what a fault or a leak leaves in a log. */
export function assertNoStack(name: string, lines: readonly string[]): void {
  assert.deepEqual(
    lines.filter((line) => STACK.test(line) || NODE_WARNING.test(line)),
    [],
    `${name} wrote a stack trace or a warning of Node`,
  );
}

/** Nor a warning or an error of its own. */
export function assertNothingUnusual(name: string, lines: readonly string[]): void {
  assertNoStack(name, lines);
  assert.deepEqual(
    lines.filter((line) => UNUSUAL_RECORD.test(line)),
    [],
    `${name} warned`,
  );
}
