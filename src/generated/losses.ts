// Generated from python_bridge/scpo_trl/losses. Do not edit.

/** Parameters of each registered loss, by its name. */
export const LOSSES: Readonly<Record<string, readonly string[]>> = {
  "aot": ["beta","label_smoothing"],
  "aot_unpaired": ["beta","label_smoothing"],
  "apo_down": ["beta"],
  "apo_zero": ["beta"],
  "bco_pair": ["beta"],
  "chip": ["beta","gamma"],
  "discopop": ["beta","tau"],
  "dpo": ["beta","both_directions"],
  "exo_pair": ["beta","label_smoothing"],
  "hinge": ["beta"],
  "ipo": ["beta"],
  "mdpo": ["beta","visual","anchor","anchor_delta"],
  "nca_pair": ["beta"],
  "rdpo": ["beta","visual"],
  "robust": ["beta","label_smoothing"],
  "s-vco": ["beta","attend","reject","attend_mirror","reject_mirror"],
  "scpo": ["beta","beta_mirror","mirror_weight","textual","visual","visual_mirror","textual_mirror","anchor","anchor_delta","one_sigmoid","gamma"],
  "sft": ["both_directions","per_token"],
  "sigmoid_norm": ["beta"],
  "sppo_hard": ["beta"],
  "symmpo": ["beta","pair","anchor","consistency"],
};

/** Their defaults. */
export const LOSS_DEFAULTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "aot": {"beta":0.1,"label_smoothing":0},
  "aot_unpaired": {"beta":0.1,"label_smoothing":0},
  "apo_down": {"beta":0.1},
  "apo_zero": {"beta":0.1},
  "bco_pair": {"beta":0.1},
  "chip": {"beta":0.1,"gamma":1},
  "discopop": {"beta":0.1,"tau":0.05},
  "dpo": {"beta":0.1,"both_directions":0},
  "exo_pair": {"beta":0.1,"label_smoothing":0.001},
  "hinge": {"beta":0.1},
  "ipo": {"beta":0.1},
  "mdpo": {"beta":0.1,"visual":1,"anchor":1,"anchor_delta":0},
  "nca_pair": {"beta":0.1},
  "rdpo": {"beta":0.1,"visual":1},
  "robust": {"beta":0.1,"label_smoothing":0},
  "s-vco": {"beta":0.1,"attend":1,"reject":1,"attend_mirror":1,"reject_mirror":1},
  "scpo": {"beta":0.1,"beta_mirror":0.1,"mirror_weight":1,"textual":1,"visual":1,"visual_mirror":1,"textual_mirror":1,"anchor":0,"anchor_delta":0,"one_sigmoid":0,"gamma":1},
  "sft": {"both_directions":0,"per_token":0},
  "sigmoid_norm": {"beta":0.1},
  "sppo_hard": {"beta":0.1},
  "symmpo": {"beta":0.1,"pair":0.5,"anchor":1,"consistency":0.0001},
};

/**
 * Weights of each loss that together switch on a term in which rejected is learnt as true of rejected_images.
 */
export const MATCHED_TERMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "aot": [],
  "aot_unpaired": [],
  "apo_down": [],
  "apo_zero": [],
  "bco_pair": [],
  "chip": [],
  "discopop": [],
  "dpo": [["both_directions"]],
  "exo_pair": [],
  "hinge": [],
  "ipo": [],
  "mdpo": [],
  "nca_pair": [],
  "rdpo": [],
  "robust": [],
  "s-vco": [["attend_mirror"]],
  "scpo": [["anchor"],["mirror_weight","visual_mirror"],["mirror_weight","textual_mirror"]],
  "sft": [["both_directions"]],
  "sigmoid_norm": [],
  "sppo_hard": [],
  "symmpo": [["pair"],["anchor"],["consistency"]],
};
