/** An earthquake: where and when the rupture starts, and how big it is. */
export interface Quake {
  /** Unix milliseconds. */
  readonly originMs: number;
  readonly lat: number;
  readonly lon: number;
  readonly depthKm: number;
  readonly magnitude: number;
  /** Decides the details of the shaking at each site. */
  readonly seed: number;
}
