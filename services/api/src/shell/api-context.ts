/** What every route works with: connections, keys and bounds, opened once by the service. */
import type { Journal } from '@waybill/journal';
import type { ObjectDoor, Objects } from '@waybill/objects';
import type { Clock, KeyRing, Logger, ReadinessGate } from '@waybill/process';
import type { ReadModel } from '@waybill/readmodel';
import type { Limits } from '../domain/limits.ts';
import type { Capacity } from './capacity.ts';
import type { StreamSeats } from './event-stream.ts';

export type ApiContext = Readonly<{
  /** The organisation of the API key: the one that exists here. */
  org: string;
  apiKeyHash: string;
  webhookSecrets: readonly string[];
  /** Seals and cannot open. */
  ring: KeyRing;
  journal: Journal;
  readModel: ReadModel;
  objects: Objects;
  /** For whoever comes with a signed URL of the embedded store. */
  door: ObjectDoor;
  capacity: Capacity;
  seats: StreamSeats;
  gate: ReadinessGate;
  bounds: Limits;
  clock: Clock;
  log: Logger;
  /** The log holds what this build would misjudge: the service ends, by name. */
  fail: (error: Error) => void;
}>;
