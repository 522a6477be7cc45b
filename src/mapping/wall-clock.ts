import { IANAZone, Settings, type Zone } from 'luxon';

// Times are read and written in numbers alone; asking the machine for its language takes longer than the first visit.
Settings.defaultLocale = 'en-US';

/** No zone has ever changed its offset between two of these. */
const QUARTER_MS = 15 * 60_000;
const MOST_QUARTERS = 10_000;

/** Asks the platform's calendar once for each quarter of an hour: it takes ten times as long as the rest of reading a time. */
class KeptZone extends IANAZone {
  readonly #offsets = new Map<number, number>();

  override offset(time: number): number {
    const quarter = Math.floor(time / QUARTER_MS);
    const known = this.#offsets.get(quarter);
    if (known !== undefined) return known;
    const found = super.offset(time);
    if (this.#offsets.size === MOST_QUARTERS) this.#offsets.clear();
    this.#offsets.set(quarter, found);
    return found;
  }
}

const zones = new Map<string, Zone>();

/** @param name IANA zone of a facility; of what is none luxon's answer is an invalid time, as for the name itself */
export function zoneOf(name: string): Zone | string {
  const known = zones.get(name);
  if (known !== undefined) return known;
  if (!IANAZone.isValidZone(name)) return name;
  const zone = new KeptZone(name);
  zones.set(name, zone);
  return zone;
}
