//! HPACK's Huffman code (RFC 7541, appendix B). It is canonical: codes are ordered by length, and within a length by
//! symbol, so the lengths define the code.

use super::error::Malformed;

/// The end of a string: only the beginning of its code may occur, as padding.
const END: usize = 256;
const LONGEST: usize = 30;
/// Codes up to this length, which is nearly all text, are looked up at once.
const SHORT: u32 = 8;

#[rustfmt::skip]
const LENGTHS: [u8; END + 1] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

struct Code {
    /// Of each length: the first code after those of this length, at the left of 32 bits.
    limits: [u64; LONGEST + 1],
    /// For each length: the number to subtract from a code to get its index among the symbols.
    offsets: [i64; LONGEST + 1],
    /// In the order of their codes.
    symbols: [u16; END + 1],
    /// Symbol and length by the first bits; length 0 for longer codes.
    short: [(u8, u8); 1 << SHORT],
}

static CODE: Code = build();

const fn build() -> Code {
    let mut code = Code {
        limits: [0; LONGEST + 1],
        offsets: [0; LONGEST + 1],
        symbols: [0; END + 1],
        short: [(0, 0); 1 << SHORT],
    };
    let (mut next, mut place, mut length) = (0_u64, 0_usize, 1_usize);
    while length <= LONGEST {
        next <<= 1;
        code.offsets[length] = next as i64 - place as i64;
        let mut symbol = 0;
        while symbol <= END {
            if LENGTHS[symbol] as usize == length {
                code.symbols[place] = symbol as u16;
                if length as u32 <= SHORT {
                    let shift = SHORT - length as u32;
                    let mut entry = (next << shift) as usize;
                    while entry < ((next + 1) << shift) as usize {
                        code.short[entry] = (symbol as u8, length as u8);
                        entry += 1;
                    }
                }
                next += 1;
                place += 1;
            }
            symbol += 1;
        }
        code.limits[length] = next << (32 - length);
        length += 1;
    }
    code
}

/// Appends what a string stands for.
pub(super) fn decode(string: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    // Bits that were not used yet, at the left, and how many they are.
    let (mut bits, mut count) = (0_u64, 0_u32);
    let mut input = string.iter();
    loop {
        while count <= 56
            && let Some(&byte) = input.next()
        {
            bits |= u64::from(byte) << (56 - count);
            count += 8;
        }
        if count == 0 {
            return Ok(());
        }
        // Behind the end come ones, which are the beginning of no symbol but the end.
        let window = bits | u64::MAX.checked_shr(count).unwrap_or(0);
        let (symbol, length) = match CODE.short[(window >> (64 - SHORT)) as usize] {
            (_, 0) => long(window >> 32)?,
            (symbol, length) => (symbol, u32::from(length)),
        };
        if length > count {
            // "Padding not corresponding to the most significant bits of the code for the EOS symbol", or longer than 7
            // bits, is an error (RFC 7541, section 5.2).
            return if count < 8 && bits.leading_ones() == count { Ok(()) } else { Err(Malformed) };
        }
        out.push(symbol);
        bits <<= length;
        count -= length;
    }
}

fn long(window: u64) -> Result<(u8, u32), Malformed> {
    for length in SHORT as usize + 1..=LONGEST {
        if window < CODE.limits[length] {
            let place = (window >> (32 - length)) as i64 - CODE.offsets[length];
            let symbol = CODE.symbols[place as usize];
            // The end itself is an error, but padding looks like it up to here.
            return Ok((
                u8::try_from(symbol).unwrap_or(0),
                if symbol as usize == END { 64 + 1 } else { length as u32 },
            ));
        }
    }
    // All ones: behind the last code there is only the end.
    Ok((0, 64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(string: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut out = Vec::new();
        decode(string, &mut out).map(|()| out)
    }

    #[test]
    fn strings_of_the_rfc_are_understood() {
        let cases: [(&[u8], &str); 4] = [
            (&[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff], "www.example.com"),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache"),
            (&[0x64, 0x02], "302"),
            (&[], ""),
        ];
        for (string, text) in cases {
            assert_eq!(decoded(string), Ok(text.into()), "{text}");
        }
    }

    #[test]
    fn padding_is_the_beginning_of_the_end_and_shorter_than_a_byte() {
        assert_eq!(decoded(&[0b0001_1111]), Ok(b"a".into()));
        for bad in [&[0b0001_1110][..], &[0xff], &[0b0001_1111, 0xff], &[0xff, 0xff, 0xff, 0xff], &[0xff; 40]] {
            assert_eq!(decoded(bad), Err(Malformed), "{bad:?}");
        }
    }
}
