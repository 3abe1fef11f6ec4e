import { requireBinding } from '../../platform/http/load-binding.ts';
import { runService } from '../../platform/lifecycle/run-service.ts';
import { loadIngestConfig } from './config.ts';

await runService({
  name: 'ingest',
  loadConfig: loadIngestConfig,
  start: async (context) => {
    requireBinding();
    const { startIngest } = await import('./service.ts');
    await startIngest(context);
  },
});
