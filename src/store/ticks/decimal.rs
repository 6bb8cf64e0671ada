//! Decimal text to scaled integers, exactly.
//!
//! What it is not: a float parser; no exponent, no "inf", no thousands separators.
//!
//! Invariant: a number that the scale cannot hold is refused, never rounded.

/// Why a text is not a decimal number of the wanted scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DecimalError {
    /// Not `[-+]digits[.digits]`.
    Syntax,
    /// More significant decimals than the scale has.
    Decimals,
    /// Outside `i64`.
    Range,
}

/// `text` times `10^digits`. Zeros after the last wanted decimal are allowed.
pub(super) fn scaled(text: &[u8], digits: u8) -> Result<i64, DecimalError> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mut value, mut decimals, mut after_point, mut seen) = (0_i64, 0_u8, false, false);
    for &byte in body {
        match byte {
            b'.' if !after_point => after_point = true,
            b'0'..=b'9' => {
                seen = true;
                let digit = i64::from(byte - b'0');
                if after_point && decimals == digits {
                    if digit != 0 {
                        return Err(if tail_is_numeric(body) {
                            DecimalError::Decimals
                        } else {
                            DecimalError::Syntax
                        });
                    }
                    continue;
                }
                decimals += u8::from(after_point);
                value =
                    value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or(DecimalError::Range)?;
            }
            _ => return Err(DecimalError::Syntax),
        }
    }
    if !seen {
        return Err(DecimalError::Syntax);
    }
    for _ in decimals..digits {
        value = value.checked_mul(10).ok_or(DecimalError::Range)?;
    }
    Ok(if negative { -value } else { value })
}

fn tail_is_numeric(body: &[u8]) -> bool {
    body.iter().all(|&byte| byte == b'.' || byte.is_ascii_digit())
        && body.iter().filter(|&&byte| byte == b'.').count() <= 1
}

/// How many significant decimals a decimal text has; `None` when it is not one.
pub(super) fn decimals(text: &[u8]) -> Option<u8> {
    let body = text.strip_prefix(b"-").unwrap_or(text);
    if body.is_empty() || !tail_is_numeric(body) {
        return None;
    }
    let point = match body.iter().position(|&byte| byte == b'.') {
        Some(point) => point,
        None => return Some(0),
    };
    let significant = body[point + 1..].iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
    u8::try_from(significant).ok()
}

/// A finite, non-negative volume as the nearest double. Empty is `None`.
pub(super) fn volume(text: &[u8]) -> Option<f64> {
    let plain = text.iter().all(|&byte| byte == b'.' || byte.is_ascii_digit());
    let text = std::str::from_utf8(text).ok().filter(|_| plain)?;
    text.parse::<f64>().ok().filter(|volume| volume.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_or_refused() {
        assert_eq!(scaled(b"1.10432", 5), Ok(110_432));
        assert_eq!(scaled(b"1301.56", 3), Ok(1_301_560));
        assert_eq!(scaled(b"-0.5", 1), Ok(-5));
        assert_eq!(scaled(b"7", 0), Ok(7));
        assert_eq!(scaled(b"1.100", 1), Ok(11));
        assert_eq!(scaled(b"1.101", 2), Err(DecimalError::Decimals));
        assert_eq!(scaled(b"1.10x", 1), Err(DecimalError::Syntax));
        for bad in ["", ".", "-", "1e5", "1,5", "1.2.3", "nan", " 1"] {
            assert_eq!(scaled(bad.as_bytes(), 5), Err(DecimalError::Syntax), "{bad:?}");
        }
        assert_eq!(scaled(b"99999999999999999999", 0), Err(DecimalError::Range));
        assert_eq!(scaled(b"9223372036854775807", 1), Err(DecimalError::Range));
    }

    #[test]
    fn decimals_counts_significant_places() {
        assert_eq!(decimals(b"1.10430"), Some(4));
        assert_eq!(decimals(b"1300"), Some(0));
        assert_eq!(decimals(b"1.000"), Some(0));
        assert_eq!(decimals(b"x"), None);
    }
}
