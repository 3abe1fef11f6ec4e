import { formatBlockedSource, type BlockedSource } from '../../../contracts/source-block.ts';

/** Who was admitted in this time is not blocked. */
const RECENT_MS = 600_000;
/** Other processes are told of a source that goes on to send at this pace, and believe it for longer than that. */
const REPORT_EVERY_MS = 300_000;
export const REPORT_HOLDS_MS = RECENT_MS + REPORT_EVERY_MS;
/** About 200 bytes each. */
const MAX_KNOWN = 200_000;
/** Another process has admitted somebody here: it is not asked again at once. */
const ELSEWHERE_MS = 10_000;
const MAX_ELSEWHERE = 10_000;

interface Place {
  readonly source: string;
  atMs: number;
  reportedMs: number;
}

/** A device that changes between two addresses, as one with two uplinks does, is known at both. */
interface Places {
  latest: Place;
  earlier: Place | undefined;
}

/**
 * From where envelopes were admitted lately, and whose: whoever proves himself is not silenced by the failures of others at
 * his address. An admission that is no news costs two look-ups and keeps nothing.
 */
export class RecentAdmissions {
  readonly #bySource = new Map<string, Place>();
  readonly #byDevice = new Map<string, Places>();
  /** Names of blocks, and until when another process is believed. */
  readonly #elsewhere = new Map<string, number>();
  #unreported: string[] = [];

  note(source: string, deviceId: string, nowMs: number): void {
    const place = this.#bySource.get(source);
    if (place === undefined) this.#keep(this.#bySource, source, this.#begin(source, source, nowMs));
    else this.#renew(place, undefined, nowMs);
    const places = this.#byDevice.get(deviceId);
    if (places?.latest.source === source) this.#renew(places.latest, deviceId, nowMs);
    else this.#move(places, source, deviceId, nowMs);
  }

  /** Another process has admitted an envelope of this source. */
  noteElsewhere(source: BlockedSource, nowMs: number): void {
    if (this.#elsewhere.size >= MAX_ELSEWHERE) this.#elsewhere.clear();
    this.#elsewhere.set(formatBlockedSource(source), nowMs + ELSEWHERE_MS);
  }

  /** Of anybody at the address, or of the claimant there. */
  has(source: BlockedSource, nowMs: number): boolean {
    const { address, claimant } = source;
    if ((this.#elsewhere.get(formatBlockedSource(source)) ?? 0) > nowMs) return true;
    if (claimant === null) return isRecent(this.#bySource.get(address), nowMs);
    const places = this.#byDevice.get(claimant);
    if (places === undefined) return false;
    return [places.latest, places.earlier].some((place) => place?.source === address && isRecent(place, nowMs));
  }

  /** Names of blocks that must not be, for the other processes. */
  takeUnreported(): readonly string[] {
    const unreported = this.#unreported;
    this.#unreported = [];
    return unreported;
  }

  /** They could not be told. */
  giveBack(unreported: readonly string[]): void {
    this.#unreported = [...unreported, ...this.#unreported];
  }

  forgetOld(nowMs: number): void {
    for (const [name, untilMs] of this.#elsewhere) {
      if (untilMs <= nowMs) this.#elsewhere.delete(name);
    }
    for (const [source, place] of this.#bySource) {
      if (!isRecent(place, nowMs)) this.#bySource.delete(source);
    }
    for (const [deviceId, { latest }] of this.#byDevice) {
      if (!isRecent(latest, nowMs)) this.#byDevice.delete(deviceId);
    }
  }

  #move(places: Places | undefined, source: string, deviceId: string, nowMs: number): void {
    const known = places?.earlier?.source === source ? places.earlier : undefined;
    if (known !== undefined) this.#renew(known, deviceId, nowMs);
    const latest = known ?? this.#begin(source, formatBlockedSource({ address: source, claimant: deviceId }), nowMs);
    if (places === undefined) {
      this.#keep(this.#byDevice, deviceId, { latest, earlier: undefined });
    } else {
      places.earlier = places.latest;
      places.latest = latest;
    }
  }

  #begin(source: string, name: string, nowMs: number): Place {
    this.#unreported.push(name);
    return { source, atMs: nowMs, reportedMs: nowMs };
  }

  #renew(place: Place, claimant: string | undefined, nowMs: number): void {
    place.atMs = nowMs;
    if (nowMs - place.reportedMs < REPORT_EVERY_MS) return;
    place.reportedMs = nowMs;
    this.#unreported.push(formatBlockedSource({ address: place.source, claimant: claimant ?? null }));
  }

  #keep<V>(map: Map<string, V>, key: string, value: V): void {
    if (map.size >= MAX_KNOWN) {
      const [oldest] = map.keys();
      if (oldest !== undefined) map.delete(oldest);
    }
    map.set(key, value);
  }
}

function isRecent(place: Place | undefined, nowMs: number): boolean {
  return place !== undefined && nowMs - place.atMs < RECENT_MS;
}
