import assert from 'node:assert/strict';
import { assertAccepted, assertProblem } from './problem-assertions.ts';
import { openConnection, send, type RawResponse } from './raw-http.ts';
import type { SignedDevice } from './signed-device.ts';

/** The bytes get this problem and nothing else, their connection is closed, and the service goes on. */
export async function assertRefusedAndServing(
  port: number,
  device: SignedDevice,
  bytes: Uint8Array,
  { status, code }: { readonly status: number; readonly code: string },
): Promise<RawResponse> {
  using connection = await openConnection(port);
  void connection.write(bytes);
  const response = await connection.read();
  assert.ok(response, 'no response');
  assertProblem(response, status, code);
  assert.equal(response.headers.get('connection'), 'close');
  assert.equal(await connection.read(), undefined, 'a second response');
  assertAccepted(await send(port, device.request()), 1);
  return response;
}
