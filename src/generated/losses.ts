// Generated from python_bridge/scpo_trl/losses. Do not edit.

/** Parameters of each registered loss, by its name. */
export const LOSSES: Readonly<Record<string, readonly string[]>> = {
  "chip": ["beta","gamma"],
  "dpo": ["beta","both_directions"],
  "mdpo": ["beta","visual","anchor","anchor_delta"],
  "rdpo": ["beta","visual"],
  "s-vco": ["beta","attend","reject","attend_mirror","reject_mirror"],
  "scpo": ["beta","beta_mirror","mirror_weight","textual","visual","visual_mirror","textual_mirror","anchor","anchor_delta","one_sigmoid","gamma"],
  "sft": ["both_directions","per_token"],
  "symmpo": ["beta","pair","anchor","consistency"],
};
