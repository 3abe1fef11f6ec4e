import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainUnsupportedNode } from '../../../scripts/bootstrap/node-version.mjs';

test('Node 20.19 and newer may run, whatever the glibc of Node 20', () => {
  assert.equal(explainUnsupportedNode('20.19.0', '2.31'), undefined);
  assert.equal(explainUnsupportedNode('20.20.2', '2.36'), undefined);
});

test('an older Node is told what to install, in one line', () => {
  for (const version of ['18.20.4', '20.18.3']) {
    const advice = explainUnsupportedNode(version, '2.36') ?? '';
    assert.match(advice, /Node 20\.19 or newer/);
    assert.doesNotMatch(advice, /\n/);
  }
});

test('Node 22 and 24 need glibc 2.38, because of the uWebSockets binaries', () => {
  assert.match(explainUnsupportedNode('22.11.0', '2.36') ?? '', /glibc 2\.38/);
  assert.match(explainUnsupportedNode('24.1.0', '2.9') ?? '', /glibc 2\.38/);
  assert.equal(explainUnsupportedNode('22.11.0', '2.38'), undefined);
  assert.equal(explainUnsupportedNode('24.1.0', '2.41'), undefined);
});

test('a system without glibc is not judged by it', () => {
  assert.equal(explainUnsupportedNode('22.11.0', undefined), undefined);
});
