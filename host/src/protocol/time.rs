//! Times as `go` reads them: RFC 3339.

use crate::model::UnixNanos;

const NANOS_A_SECOND: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// Bytes of `2026-11-25T00:00:05.000000001Z`.
const LENGTH: usize = 30;

/// UTC with nine digits of fraction. The 64 bits of [`UnixNanos`] reach from 1677 to 2262, so a year has always four digits.
pub(super) fn rfc3339(time: UnixNanos) -> [u8; LENGTH] {
    let seconds = time.seconds();
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_A_DAY));
    let second = seconds.rem_euclid(SECONDS_A_DAY);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], second / 3600);
    digits(&mut text[14..16], second / 60 % 60);
    digits(&mut text[17..19], second % 60);
    digits(&mut text[20..29], time.0.rem_euclid(NANOS_A_SECOND));
    text
}

/// Writes as many digits of `value` as `text` has bytes.
fn digits(text: &mut [u8], value: i64) {
    let mut rest = value.unsigned_abs();
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar: Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`. Its years begin in March and its eras have 400 years.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn text(nanos: i64) -> String {
        String::from_utf8(rfc3339(UnixNanos(nanos)).to_vec()).unwrap()
    }

    #[test]
    fn times_are_written_as_calendars_have_them() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(text(951_782_400_123_456_789), "2000-02-29T00:00:00.123456789Z");
        assert_eq!(text(4_107_542_399_000_000_000), "2100-02-28T23:59:59.000000000Z");
        assert_eq!(text(4_107_542_400_000_000_000), "2100-03-01T00:00:00.000000000Z");
        assert_eq!(text(i64::MIN), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(text(i64::MAX), "2262-04-11T23:47:16.854775807Z");
    }

    #[test]
    fn every_day_until_2260_is_read_back_by_another_implementation() {
        for day in 0..106_000_u64 {
            let offset = Duration::new(day * 86_400 + 3_661, 7);
            let written = text(i64::try_from(offset.as_nanos()).unwrap());
            assert_eq!(humantime::parse_rfc3339(&written).unwrap(), UNIX_EPOCH + offset, "{written}");
        }
    }
}
