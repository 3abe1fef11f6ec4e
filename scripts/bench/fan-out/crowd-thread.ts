import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { SubscriberCrowd } from './subscriber-crowd.ts';

/** The subscribers of a bench, with an event loop of their own. */
if (parentPort === null) throw new Error('this is a thread of the bench of the fan-out');
const port = parentPort;
const optionsSchema = z.object({ port: z.number(), sockets: z.number(), message: z.string().optional() });
const { message, ...options } = optionsSchema.parse(workerData);
const crowd = new SubscriberCrowd({ ...options, message });
port.on('message', (question: unknown) => {
  if (question === 'take') port.postMessage(crowd.take());
  else if (question === 'lives') port.postMessage(crowd.lives);
  else void crowd.close().then(() => port.close());
});
await crowd.open();
port.postMessage('open');
