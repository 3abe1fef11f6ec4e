import { requireBinding } from '../../platform/http/load-binding.ts';
import { runService } from '../../platform/lifecycle/run-service.ts';
import { loadBroadcasterConfig } from './config.ts';

await runService({
  name: 'broadcaster',
  loadConfig: loadBroadcasterConfig,
  start: async (context) => {
    requireBinding();
    const { startBroadcaster } = await import('./service.ts');
    await startBroadcaster(context);
  },
});
