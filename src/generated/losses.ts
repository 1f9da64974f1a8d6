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

/** Their defaults. */
export const LOSS_DEFAULTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "chip": {"beta":0.1,"gamma":1},
  "dpo": {"beta":0.1,"both_directions":0},
  "mdpo": {"beta":0.1,"visual":1,"anchor":1,"anchor_delta":0},
  "rdpo": {"beta":0.1,"visual":1},
  "s-vco": {"beta":0.1,"attend":1,"reject":1,"attend_mirror":1,"reject_mirror":1},
  "scpo": {"beta":0.1,"beta_mirror":0.1,"mirror_weight":1,"textual":1,"visual":1,"visual_mirror":1,"textual_mirror":1,"anchor":0,"anchor_delta":0,"one_sigmoid":0,"gamma":1},
  "sft": {"both_directions":0,"per_token":0},
  "symmpo": {"beta":0.1,"pair":0.5,"anchor":1,"consistency":0.0001},
};

/**
 * Weights of each loss that together switch on a term in which rejected is learnt as true of rejected_images.
 */
export const MATCHED_TERMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "chip": [],
  "dpo": [["both_directions"]],
  "mdpo": [],
  "rdpo": [],
  "s-vco": [["attend_mirror"]],
  "scpo": [["anchor"],["mirror_weight","visual_mirror"],["mirror_weight","textual_mirror"]],
  "sft": [["both_directions"]],
  "symmpo": [["pair"],["anchor"],["consistency"]],
};
