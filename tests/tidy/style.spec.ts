/** Holds the whole tree to the rules of style-rules.ts, and those rules to their own examples. */
import { describeRules } from './rule.ts';
import { styleRules } from './style-rules.ts';

describeRules('the style of the code', styleRules);
