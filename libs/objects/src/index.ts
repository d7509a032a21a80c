/** The public door of `@waybill/objects`: what is stored beside the log, under a name and by one interface wherever it lies. */
export { type ObjectLimits, objectLimits } from './limits.ts';
export { archived, logArchiveName, logArchiveType, unarchived } from './log-archive.ts';
export {
  type CommitRefusal,
  ObjectEntry,
  ObjectKind,
  type ObjectName,
  type Objects,
  type Owner,
  type Said,
  type Swept,
  type Upload,
  type UploadRefusal,
} from './object.ts';
export {
  type DoorOptions,
  type DoorRefusal,
  type Given,
  isRefused,
  type ObjectDoor,
  openObjectDoor,
  type Pass,
  type Refused,
} from './object-door.ts';
export {
  type ObjectSweeper,
  type ObjectsOptions,
  openObjectSweeper,
  openObjects,
  type SweeperOptions,
} from './objects.ts';
export { contentDisposition } from './s3-store.ts';
export {
  type ObjectConfig,
  type ObjectSettings,
  objectSettings,
  objectVariables,
  type S3Settings,
} from './settings.ts';
export { urlSigner } from './url-token.ts';
