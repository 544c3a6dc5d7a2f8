//! What a telephone and a recogniser do to a text, so that training has seen it: characters
//! of the same or a near sound, fillers, the other turns of a call.

use std::collections::{BTreeMap, HashMap};

use crate::classifier::Featurizer;
use crate::train::random::Random;

/// Words that callers open with; none says what the call is about.
const OPENINGS: &[&str] = &[
    "喂，",
    "喂你好，",
    "你好，",
    "您好，",
    "哎，",
    "呃，",
    "嗯，",
    "那个，",
    "喂，你好，我想反映一下，",
    "你好，我想反映个问题，",
    "我想问一下，",
    "我跟你说，",
    "是这样的，",
    "麻烦你，",
    "同志你好，",
    "就是说，",
    "哎呀，",
    "我是住在这边的，",
    "我们这儿，",
    "我要说个事，",
    "您好，我打电话是因为，",
];
/// Words that callers put between their words.
const FILLERS: &[&str] =
    &["呃", "嗯", "那个", "就是", "这个", "啊", "然后呢", "就是那个", "你知道吧", "，"];
/// Words that callers end with.
const ENDINGS: &[&str] = &[
    "，麻烦你们了",
    "，谢谢",
    "，你看怎么办",
    "，行吗",
    "啊",
    "，就这个事",
    "，对",
    "。",
    "，你们管管吧",
];

/// What is said in every call, whatever it is about: names, numbers, places, agreement, patience.
const CHATTER: &[&str] = &[
    "我姓王。",
    "我姓刘，叫刘建国。",
    "免贵姓陈。",
    "就叫我李女士吧。",
    "耳东陈。",
    "弓长张。",
    "幺三八零零幺幺三五七九。",
    "一三九，一零二二，零七五八。",
    "就这个号，就我现在打的这个。",
    "我手机号是幺八六，对，二三四五，六七八九。",
    "您记一下啊。",
    "对，没错。",
    "对对对。",
    "是的是的。",
    "嗯，是。",
    "不是，是零七，不是零九。",
    "不对不对，我说错了。",
    "在海淀区，学院路街道。",
    "就是那个小区，东门出来第一家。",
    "六号楼，三单元，五零二。",
    "地铁站出来往北走，第二个路口。",
    "朝阳区的，望京那边。",
    "我们是县里的，镇上往东走两里地。",
    "桥底下那一片。",
    "就在那个超市旁边。",
    "有两个多月了吧。",
    "昨天晚上，大概九点多。",
    "从去年开始就这样。",
    "上个礼拜三。",
    "今天早上。",
    "打过电话，打了好几回了。",
    "跟他们说过，说了也没用。",
    "没有，第一次打。",
    "来过一趟，看了看就走了。",
    "别提了。",
    "您听我说完。",
    "我跟您说啊。",
    "怎么说呢。",
    "我也不太懂。",
    "我年纪大了，说不清楚。",
    "行，那麻烦你们抓紧。",
    "好，谢谢你啊姑娘。",
    "没了，就这个事。",
    "好的好的，再见。",
    "能快一点吗？",
    "多久给我答复啊？",
    "要不要我发照片给你们？",
    "白天我上班，晚上打给我。",
    "我是帮我妈打的。",
    "一共三千多块钱。",
];

/// Makes variants of texts.
pub(crate) struct Noise {
    /// Characters of one near-sound class, each as often as the training texts hold it.
    sounds: HashMap<u32, Vec<u32>>,
    openings: Vec<Vec<u32>>,
    fillers: Vec<Vec<u32>>,
    endings: Vec<Vec<u32>>,
    chatter: Vec<Vec<u32>>,
}

/// How much is done to one text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    /// Share of characters replaced by homophones.
    pub(crate) homophones: f32,
    /// Probability of fillers.
    pub(crate) fillers: f32,
    /// Probability that it stands in the middle of a call.
    pub(crate) chatter: f32,
}

impl Noise {
    /// `frequent` holds the symbols that may be written, with their counts.
    pub(crate) fn new(
        featurizer: &Featurizer,
        frequent: &BTreeMap<u32, usize>,
        symbols: impl Fn(&str) -> Vec<u32>,
    ) -> Noise {
        let mut sounds: HashMap<u32, Vec<u32>> = HashMap::new();
        for (&symbol, &count) in frequent {
            let class = sounds.entry(featurizer.syllable(symbol)).or_default();
            // A recogniser prefers common characters, though not in proportion.
            let copies = (count as f32).sqrt().ceil() as usize;
            class.extend(std::iter::repeat_n(symbol, copies.min(64)));
        }
        let all = |words: &[&str]| words.iter().map(|w| symbols(w)).collect();
        Noise {
            sounds,
            openings: all(OPENINGS),
            fillers: all(FILLERS),
            endings: all(ENDINGS),
            chatter: all(CHATTER),
        }
    }

    /// A variant of a text.
    pub(crate) fn variant(
        &self,
        text: &[u32],
        featurizer: &Featurizer,
        amount: Amount,
        random: &mut Random,
    ) -> Vec<u32> {
        let mut text = text.to_vec();
        if random.chance(amount.fillers) {
            text = self.filled(&text, random);
        }
        if random.chance(amount.chatter) {
            text = self.in_a_call(text, random);
        }
        if amount.homophones > 0.0 {
            self.misheard(&mut text, featurizer, amount.homophones, random);
        }
        text
    }

    /// Replaces characters by others of the same near sound.
    pub(crate) fn misheard(
        &self,
        text: &mut [u32],
        featurizer: &Featurizer,
        share: f32,
        random: &mut Random,
    ) {
        for symbol in text {
            if random.chance(share)
                && let Some(class) = self.sounds.get(&featurizer.syllable(*symbol))
                && let Some(&other) = random.pick(class)
            {
                *symbol = other;
            }
        }
    }

    /// The text with turns of a call around it.
    fn in_a_call(&self, text: Vec<u32>, random: &mut Random) -> Vec<u32> {
        const MOST_TURNS: usize = 7;
        let mut turns = vec![text];
        for _ in 0..=random.below(MOST_TURNS) {
            let Some(line) = random.pick(&self.chatter) else { continue };
            let at = random.below(turns.len() + 1);
            turns.insert(at, line.clone());
        }
        turns.concat()
    }

    fn filled(&self, text: &[u32], random: &mut Random) -> Vec<u32> {
        let mut filled = Vec::with_capacity(text.len() + 24);
        if random.chance(0.6) {
            filled.extend(random.pick(&self.openings).into_iter().flatten());
        }
        // One filler in about twelve characters, more would drown a short text.
        for &symbol in text {
            filled.push(symbol);
            if random.chance(0.08) {
                filled.extend(random.pick(&self.fillers).into_iter().flatten());
            }
        }
        if random.chance(0.3) {
            filled.extend(random.pick(&self.endings).into_iter().flatten());
        }
        filled
    }
}
