import { parentPort, workerData } from 'node:worker_threads';
import { Flood, type FloodOptions } from './flood.ts';

/** A flood with an event loop of its own: in the one of the honest devices it would hold them up before they have sent. */
if (parentPort === null) throw new Error('this is a thread of the bench of limits');
const port = parentPort;
const options: FloodOptions = workerData;
const flood = new Flood({ ...options, requests: options.requests.map((request) => Buffer.from(request)) });
await flood.start();
port.once('message', () => port.postMessage(flood.stop()));
port.postMessage('started');
