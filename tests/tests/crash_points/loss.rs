//! What crashes leave: the death of processes everything, a power cut what was synced and any part of the rest.

use crate::disk::{Class, Disk, Fate, File, Image};
use cachewit_tests::script::noise;

/// Dice that fall the same way in every run.
struct Dice(Vec<u8>, usize);

impl Dice {
    fn new(seed: usize) -> Self {
        Self(noise(seed as u64 + 1, 8_192), 0)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.1 = (self.1 + 2) % (self.0.len() - 1);
        usize::from(u16::from_le_bytes([self.0[self.1], self.0[self.1 + 1]])) % limit
    }
}

/// All that a power cut after the last call may leave, as far as it is looked at. `seed` is for the dice.
pub fn power_cut(disk: &Disk, seed: usize) -> Vec<(String, Image)> {
    use Fate::{Filled, Kept, Lost};
    let mut all = Vec::new();
    // By what a file is to the store, all names kept or only those that were synced.
    let fates = |index: Fate, object: Fate, other: Fate| {
        move |file: &File, _| match file.class {
            Class::Index => index,
            Class::Object => object,
            Class::Other => other,
        }
    };
    for (what, index, object, other) in [
        ("all bytes lost", Lost, Lost, Lost),
        ("all bytes zeros", Filled(0), Filled(0), Filled(0)),
        ("objects empty, index there", Kept, Lost, Kept),
        ("objects zeros, index there", Kept, Filled(0), Kept),
        ("objects stale, index there", Kept, Filled(0xa5), Kept),
        ("objects there, index lost", Lost, Kept, Kept),
        ("objects zeros, index lost", Lost, Filled(0), Lost),
        ("objects stale, index zeros", Filled(0), Filled(0xa5), Filled(0)),
    ] {
        all.push((what.to_owned(), disk.after(|_| true, fates(index, object, other))));
    }
    all.push(("all names lost".to_owned(), disk.after(|_| false, fates(Kept, Kept, Kept))));
    all.push(("names and bytes lost".to_owned(), disk.after(|_| false, fates(Lost, Lost, Lost))));
    // The last write in parts, all else there.
    if let Some((last, length)) = disk.last_write() {
        for most in [length / 2, length.min(4096), length.saturating_sub(1) / 4096 * 4096] {
            let torn = |_: &File, edit| if edit == last { Fate::Torn(most) } else { Kept };
            all.push((format!("torn after {most} of {length} bytes"), disk.after(|_| true, torn)));
        }
    }
    // Any part of the rest: names up to some point, or any of them; of each file all, nothing, or any of its writes.
    for throw in 0..ANY {
        let mut dice = Dice::new(seed * ANY + throw);
        let up_to = dice.below(disk.changes() + 1);
        let (ordered, losses) = (dice.below(2) == 0, [0, 1, 4, 16][dice.below(4)]);
        let mut names = Dice::new(seed * ANY + throw + 1_000_000);
        let mut moods = std::collections::HashMap::new();
        let fate = |_: &File, (file, _): (usize, usize)| {
            let mood = *moods.entry(file).or_insert_with(|| dice.below(4));
            match mood {
                0 => Kept,
                1 => Lost,
                _ if losses > 0 && dice.below(losses) > 0 => Kept,
                _ => [Kept, Lost, Filled(0), Filled(0xa5), Fate::Torn(512 * dice.below(20))][dice.below(5)],
            }
        };
        let image = disk.after(|number| if ordered { number < up_to } else { names.below(4) > 0 }, fate);
        all.push((format!("throw {throw}"), image));
    }
    all
}

/// Throws of the dice at each crash point.
const ANY: usize = 3;
