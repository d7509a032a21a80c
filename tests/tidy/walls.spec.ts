/** Holds the whole tree to the rules of wall-rules.ts, and those rules to their own examples. */
import { describeRules } from './rule.ts';
import { wallRules } from './wall-rules.ts';

describeRules('the walls between packages', wallRules);
