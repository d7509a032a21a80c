/** Holds the whole tree to the rules of ambient-rules.ts, and those rules to their own examples. */

import { ambientRules } from './ambient-rules.ts';
import { describeRules } from './rule.ts';

describeRules('time, environment and signals', ambientRules);
