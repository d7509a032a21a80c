import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { milestone, milestoneChannel, milestones } from './milestone.ts';

describe('milestones', () => {
  it('reach whoever listens before the passing returns, with what they are about', () => {
    const heard: unknown[] = [];
    const listen = (about: unknown): void => void heard.push(about);
    subscribe(milestoneChannel('due.read'), listen);
    milestone('due.read', { runId: 'r1' });
    milestone('due.read');
    expect(heard).toEqual([{ runId: 'r1' }, undefined]);
    unsubscribe(milestoneChannel('due.read'), listen);
    milestone('due.read');
    expect(heard).toHaveLength(2);
  });

  it('tell listeners of another place nothing', () => {
    const heard: unknown[] = [];
    const listen = (about: unknown): void => void heard.push(about);
    subscribe(milestoneChannel('ack.received'), listen);
    milestone('ack.appended', {});
    unsubscribe(milestoneChannel('ack.received'), listen);
    expect(heard).toEqual([]);
  });

  it('stay reachable although nobody has listened while memory was freed', () => {
    let passed = 0;
    globalThis.gc?.();
    subscribe(milestoneChannel('frame.sent'), () => {
      passed += 1;
    });
    milestone('frame.sent');
    expect(passed).toBe(1);
  });

  it('have names that occur once', () => {
    expect(new Set(milestones).size).toBe(milestones.length);
  });
});
