import { readConfig } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { objectSettings, objectVariables } from './settings.ts';

const Config = z.object(objectVariables);
const whole = {
  S3_ENDPOINT: 'https://s3.example',
  S3_BUCKET: 'waybill',
  S3_ACCESS_KEY_ID: 'an-access-key',
  S3_SECRET_ACCESS_KEY: 'a-secret-access-key',
};

describe('the settings of objects', () => {
  it('are those of the embedded store unless an S3 service is named', () => {
    expect(objectSettings(readConfig(Config, {}))).toEqual({});
    expect(objectSettings(readConfig(Config, { S3_BUCKET: 'unused' }))).toEqual({});
  });

  it('have all that an S3 service needs', () => {
    expect(objectSettings(readConfig(Config, whole)).s3).toEqual({
      endpoint: 'https://s3.example',
      bucket: 'waybill',
      region: 'us-east-1',
      accessKeyId: 'an-access-key',
      secretAccessKey: 'a-secret-access-key',
    });
  });

  it('name everything that is missing at once', () => {
    const config = readConfig(Config, { S3_ENDPOINT: whole.S3_ENDPOINT });
    expect(() => objectSettings(config)).toThrow(
      /S3_BUCKET: is required with S3_ENDPOINT\n.*S3_ACCESS_KEY_ID.*\n.*S3_SECRET_ACCESS_KEY/,
    );
  });
});
