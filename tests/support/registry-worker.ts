import { RunLoop } from '../../platform/lifecycle/run-loop.ts';
import { CarryOutLoop } from '../../services/worker/requests/carry-out-loop.ts';
import { RequestStore } from '../../services/worker/requests/request-store.ts';
import { createProjector } from './projecting.ts';
import type { WorkerStores } from './worker-stores.ts';
import { TOKEN } from './held.ts';
import { unheardObservers } from './worker-observers.ts';

export function createCarryOut(stores: WorkerStores): CarryOutLoop {
  const connections = { reader: stores.openRedis('test-requests'), redis: stores.redis };
  return new CarryOutLoop(connections, new RequestStore(stores.database), unheardObservers());
}

/** What of a worker serves requests to the registry: carries them out, and projects what they change. */
export function startRegistryWorker(stores: WorkerStores): AsyncDisposable {
  const carryOut = createCarryOut(stores);
  const projector = createProjector(stores);
  const { log } = stores;
  const loops = [
    new RunLoop({ name: 'carry out', log, pass: () => carryOut.pass(TOKEN) }),
    new RunLoop({
      name: 'project',
      log,
      pass: async () => {
        await projector.check();
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
    }),
  ];
  for (const loop of loops) loop.start();
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(loops.map((loop) => loop.close()));
    },
  };
}
