import { createHash, createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { z } from 'zod';
import { parseSignatureClaim, signatureBase } from '../../../contracts/http-signature.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Undefined: a 202 tells the number of records of the pack. */
  readonly body?: unknown;
  /** Ends the connection instead of answering. */
  readonly hangUp?: boolean;
  /** Neither answers nor ends. */
  readonly silent?: boolean;
}

export interface ReceivedEnvelope {
  readonly deviceId: string;
  readonly nonce: number;
  readonly createdS: number;
  readonly signature: string;
  readonly content: string;
  readonly records: unknown[];
  readonly address: string;
}

export interface IngestDouble extends AsyncDisposable {
  readonly url: URL;
  readonly received: ReceivedEnvelope[];
}

/** An HTTP server that proves each envelope over the received bytes before it answers as told. */
export async function openIngestDouble(
  devices: readonly FleetDevice[],
  answer: (envelope: ReceivedEnvelope, count: number) => Answer,
): Promise<IngestDouble> {
  const received: ReceivedEnvelope[] = [];
  const server = createServer((request, response) => {
    void readEnvelope(request, devices).then((envelope) => {
      received.push(envelope);
      const {
        status,
        headers = {},
        body = { accepted: envelope.records.length },
        hangUp,
        silent,
      } = answer(envelope, received.length);
      if (hangUp === true) request.socket.destroy();
      else if (silent !== true) response.writeHead(status, headers).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    received,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readEnvelope(request: IncomingMessage, devices: readonly FleetDevice[]): Promise<ReceivedEnvelope> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(z.instanceof(Buffer).parse(chunk));
  const content = Buffer.concat(chunks);
  const field = (name: keyof IncomingHttpHeaders) => String(request.headers[name]);
  const claim = parseSignatureClaim({
    signatureInput: field('signature-input'),
    signature: field('signature'),
    contentDigest: field('content-digest'),
  });
  if (!claim.ok) throw new Error(claim.error);
  const { keyName, nonce, createdS, contentDigest, signatureParams, signatureBase64, digestBase64 } = claim.value;
  const device = devices.find(({ id }) => id === keyName.deviceId);
  if (device === undefined || device.key.id !== keyName.keyId || device.api_key !== field('x-api-key')) {
    throw new Error('not the API key and the key of this device');
  }
  const { kty, crv, x, y } = device.key.private_key;
  const key = createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  const base = Buffer.from(signatureBase(field('content-type'), contentDigest, signatureParams));
  const signature = Buffer.from(signatureBase64, 'base64');
  if (digestBase64 !== createHash('sha256').update(content).digest('base64')) throw new Error('another digest');
  if (!verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('signature-invalid');
  return {
    ...{ deviceId: device.id, nonce, createdS, signature: signatureBase64, content: content.toString() },
    records: z.array(z.unknown()).parse(JSON.parse(content.toString())),
    address: request.socket.remoteAddress ?? '',
  };
}
