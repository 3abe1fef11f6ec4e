import { runService } from '../../platform/lifecycle/run-service.ts';
import { loadWorkerConfig } from './config.ts';
import { startWorker } from './service.ts';

await runService({ name: 'worker', loadConfig: loadWorkerConfig, start: startWorker });
