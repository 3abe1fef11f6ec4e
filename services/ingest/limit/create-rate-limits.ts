import type { LimitPolicy } from '../../../core/limits/gcra.ts';
import type { RateLimits } from './rate-limiter.ts';

export interface RatesPerS {
  readonly device: number;
  /** Of devices whose class is named here. */
  readonly byClass: ReadonlyMap<string, number>;
  readonly address: number;
  readonly overall: number;
}

const SUSTAINED_S = 60;
/** A device that was cut off for a moment may catch up at twice its rate, for as long as the minute allows. */
const BURST_FACTOR = 2;

export function createRateLimits({ device, byClass, address, overall }: RatesPerS): RateLimits {
  const classes = new Map([...byClass].map(([name, rate]) => [name, devicePolicies(rate)]));
  const others = devicePolicies(device);
  return {
    device: (deviceClass) => classes.get(deviceClass) ?? others,
    address: [{ name: 'address', quota: BURST_FACTOR * address, windowS: BURST_FACTOR }],
    overall: [{ name: 'overall', quota: BURST_FACTOR * overall, windowS: BURST_FACTOR }],
  };
}

function devicePolicies(ratePerS: number): readonly LimitPolicy[] {
  return [
    { name: 'burst', quota: BURST_FACTOR * ratePerS, windowS: 1 },
    { name: 'sustained', quota: SUSTAINED_S * ratePerS, windowS: SUSTAINED_S },
  ];
}
