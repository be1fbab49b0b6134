//! Text that follows from a seed and looks like messages: words of a made-up language with the
//! frequencies of a real one, in sentences.

use std::time::{Duration, SystemTime};

use crate::model::{Message, Origin, Role, Stage, Threat};
use crate::random::Random;

const WORDS: usize = 8_000;

/// A source of words, messages, ids and vectors.
#[derive(Debug, Clone)]
pub struct Writer {
    words: Vec<String>,
    random: Random,
}

/// The moment at which every made-up history begins: 2026-01-01T00:00:00Z.
pub fn beginning() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

impl Writer {
    /// A writer whose words follow from a fixed seed and whose texts follow from `seed`.
    pub fn new(seed: u64) -> Writer {
        const ONSETS: [&str; 16] =
            ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "pl"];
        const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ou", "ea"];
        const CODAS: [&str; 8] = ["", "", "n", "r", "s", "l", "t", "nd"];
        let mut random = Random::new(0x776f_7264);
        let words = (0..WORDS)
            .map(|rank| {
                // Frequent words are short, as in every language.
                let syllables = 1 + usize::from(rank > 100) + random.below(2 + rank / 4_000);
                (0..syllables)
                    .map(|_| {
                        let onset = ONSETS[random.below(ONSETS.len())];
                        let vowel = VOWELS[random.below(VOWELS.len())];
                        format!("{onset}{vowel}{}", CODAS[random.below(CODAS.len())])
                    })
                    .collect()
            })
            .collect();
        Writer { words, random: Random::new(seed) }
    }

    /// The randomness behind the texts.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// A word; the word of rank r comes up about as often as 1 / r (Zipf).
    pub fn word(&mut self) -> &str {
        #[expect(clippy::cast_precision_loss, reason = "8,000")]
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to 8,000"
        )]
        let rank = (WORDS as f64).powf(self.random.unit()) as usize;
        &self.words[rank.min(WORDS) - 1]
    }

    /// Sentences of between `least` and `most` bytes in all.
    pub fn prose(&mut self, least: usize, most: usize) -> String {
        let length = least + self.random.below(most - least + 1);
        let mut text = String::with_capacity(length + 32);
        while text.len() < length {
            let words = 4 + self.random.below(16);
            for n in 0..words {
                if n > 0 {
                    text.push(if self.random.below(12) == 0 { ',' } else { ' ' });
                    if text.ends_with(',') {
                        text.push(' ');
                    }
                }
                let start = text.len();
                let word = self.word();
                text.push_str(word);
                if n == 0
                    && let Some(first) = text.get_mut(start..=start)
                {
                    first.make_ascii_uppercase();
                }
            }
            text.push_str(". ");
        }
        text.truncate(length);
        text
    }

    /// A message of 200 to 2,000 bytes: a user's, scanned and clean, or an assistant's, of which
    /// every fourth has metadata.
    pub fn message(&mut self, session: &str, role: Role, at: SystemTime) -> Message {
        let user = role == Role::User;
        Message {
            id: self.random.uuid(),
            session_id: session.to_owned(),
            role,
            content: self.prose(200, 2_000),
            tool_call_id: String::new(),
            tool_name: String::new(),
            origin: if user { Some(Origin::UserInput) } else { None },
            threat: user.then(|| Threat {
                scanned: true,
                detected: false,
                rules: None,
                stage: Stage::Input,
                bypassed: false,
                match_count: 0,
                highest_severity: String::new(),
            }),
            created_at: at,
            metadata: (!user && self.random.below(4) == 0).then(|| {
                [("model".to_owned(), self.word().to_owned()), ("lang".to_owned(), "en".to_owned())]
                    .into()
            }),
        }
    }

    /// Messages of users and assistants by turns, `apart` from one to the next.
    pub fn messages(
        &mut self,
        session: &str,
        count: usize,
        from: SystemTime,
        apart: Duration,
    ) -> Vec<Message> {
        let mut at = from;
        (0..count)
            .map(|n| {
                let role = if n % 2 == 0 { Role::User } else { Role::Assistant };
                let message = self.message(session, role, at);
                at += apart;
                message
            })
            .collect()
    }

    /// A vector of `dimensions` numbers from -1 to 1.
    pub fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        (0..dimensions)
            .map(|_| f32::from(i16::try_from(self.random.below(2_001)).unwrap_or(0) - 1_000) / 1e3)
            .collect()
    }
}
