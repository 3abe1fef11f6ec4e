import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { Flood } from './flood.ts';

/** A flood with an event loop of its own: in the one of the honest devices it would hold them up before they have sent. */
if (parentPort === null) throw new Error('this is a thread of the bench of limits');
const port = parentPort;
const optionsSchema = z.object({
  port: z.number(),
  requests: z.array(z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes))),
  firstAddress: z.number(),
});
const flood = new Flood(optionsSchema.parse(workerData));
await flood.start();
port.once('message', () => port.postMessage(flood.stop()));
port.postMessage('started');
