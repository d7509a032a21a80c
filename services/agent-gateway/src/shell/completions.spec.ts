import { serialQueue } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { openCompletions } from './completions.ts';

function scene() {
  const lanes = serialQueue({ pendingMax: 100 });
  const told: string[] = [];
  const completions = openCompletions({ within: lanes.run });
  const gate = Promise.withResolvers<string>();
  const word = async (text: string): Promise<void> => {
    told.push(text);
  };
  return { lanes, told, completions, gate, word };
}

describe('work beside a job’s lane', () => {
  it('holds up nothing of the lane but the word that has to come behind it', async () => {
    const { lanes, told, completions, gate, word } = scene();
    const added = completions.add('job', () => gate.promise, word);
    await lanes.run('job', () => word('log'));
    const last = lanes.run('job', async () => {
      await completions.settle('job');
      await word('last');
    });
    await lanes.run('other', () => word('another job'));
    expect(told).toEqual(['log', 'another job']);
    gate.resolve('upload');
    await Promise.all([added, last]);
    expect(told).toEqual(['log', 'another job', 'upload', 'last']);
  });

  it('has its word said once, in the lane, where nothing comes behind it', async () => {
    const { told, completions, gate, word } = scene();
    const added = completions.add('job', () => gate.promise, word);
    gate.resolve('upload');
    await added;
    await completions.settle('job');
    expect(told).toEqual(['upload']);
  });

  it('fails whoever added it, and whatever waits for it, with its own failure', async () => {
    const { completions, gate, word } = scene();
    const added = completions.add('job', () => gate.promise, word);
    const settled = completions.settle('job');
    gate.reject(new Error('the gateway stops'));
    await expect(added).rejects.toThrow('the gateway stops');
    await expect(settled).rejects.toThrow('the gateway stops');
  });
});
