import { distanceM, type Position } from '../../../core/geo/position.ts';
import { noiseAt } from '../../ground-motion/noise.ts';
import type { Site } from '../../ground-motion/shaking.ts';
import type { Vector } from '../../pack.ts';
import { betweenAt } from '../../random.ts';
import { rumble, scaled, STILL, sumOf, swell, type Disturbance } from './disturbance.ts';

const SOUND_M_S = 340;
const THUNDER_REACH_M = 8000;
/** At a kilometre. */
const THUNDER_MS2 = 0.2;
const THUNDER_S = 4;
/** Electric, in one sample of every sensor around. */
const SPARK_REACH_M = 12_000;
const SPARK_MS2 = 0.4;
const RAIN_MS2 = 0.003;
/** Tells these uses of the seed from others. */
const STRIKES = 31;
const RAIN = 32;

interface Strike extends Position {
  readonly atUs: number;
}

export interface StormOptions {
  readonly seed: number;
  readonly startUs: number;
  readonly durationS: number;
  readonly strikes: number;
  readonly sites: readonly Site[];
  /** Microseconds from one sample to the next: a spark is as long. */
  readonly sampleUs: number;
}

/** Strikes near devices at any time: a spark in all sensors around at once, thunder at the speed of sound, and rain on all. */
export function createThunderstorm({ seed, startUs, durationS, strikes, sites, sampleUs }: StormOptions): Disturbance {
  const all = Array.from({ length: strikes }, (_, number): Strike => {
    const site = sites[Math.floor(betweenAt(0, sites.length, seed, STRIKES, number, 1))];
    const { lat, lon } = site?.position ?? { lat: 0, lon: 0 };
    return {
      lat: lat + betweenAt(-0.03, 0.03, seed, STRIKES, number, 2),
      lon: lon + betweenAt(-0.03, 0.03, seed, STRIKES, number, 3),
      atUs: startUs + betweenAt(0, durationS, seed, STRIKES, number, 4) * 1e6,
    };
  });
  return {
    accelerationAt: (site, timeUs) =>
      sumOf([
        noiseAt(seed + RAIN, site.index, timeUs, RAIN_MS2),
        ...all.map((strike, number) => feltFrom(strike, site, timeUs, sampleUs, [seed, STRIKES, number, site.index])),
      ]),
  };
}

function feltFrom(strike: Strike, site: Site, timeUs: number, sampleUs: number, keys: readonly number[]): Vector {
  const sinceS = (timeUs - strike.atUs) / 1e6;
  if (sinceS < 0 || sinceS > THUNDER_REACH_M / SOUND_M_S + 3 * THUNDER_S) return STILL;
  const apartM = distanceM(strike, site.position);
  const isSpark = timeUs - strike.atUs < sampleUs && apartM < SPARK_REACH_M;
  const spark: Vector = isSpark ? [SPARK_MS2, -SPARK_MS2, SPARK_MS2] : STILL;
  if (apartM > THUNDER_REACH_M) return spark;
  const elapsedS = sinceS - apartM / SOUND_M_S;
  const strengthMs2 = (THUNDER_MS2 / (0.3 + apartM / 1000)) * swell(elapsedS, THUNDER_S);
  return strengthMs2 === 0 ? spark : sumOf([spark, scaled(rumble(elapsedS, 5, 18, ...keys), strengthMs2)]);
}
