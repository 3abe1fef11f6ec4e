import { runService } from '../../platform/lifecycle/run-service.ts';
import { loadBroadcasterConfig } from './config.ts';
import { startBroadcaster } from './service.ts';

await runService({ name: 'broadcaster', loadConfig: loadBroadcasterConfig, start: startBroadcaster });
