;; The source of the module in newline-search.ts. It tests eight octets as one number and, after eight octets without a
;; line end, the next sixteen at once.
(module
  (memory (export "memory") 1)

  ;; Sets the highest bit of each octet below 14 (CR is 13, LF 10). The lowest bit that is set is always right.
  (func $low (param $octets i64) (result i64)
    (i64.and
      (i64.and
        (i64.sub (local.get $octets) (i64.const 0x0e0e0e0e0e0e0e0e))
        (i64.xor (local.get $octets) (i64.const -1)))
      (i64.const 0x8080808080808080)))

  ;; Index of the first CR or LF at or after $at that is not part of a CRLF; $end if none is found. It may read octets
  ;; from $end on. They matter only after a final CR, so the caller must put an octet other than LF there.
  (func (export "find") (param $at i32) (param $end i32) (result i32)
    (local $hit i64)
    (local $two i32)
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $hit (call $low (i64.load (local.get $at))))
      (if (i64.eqz (local.get $hit))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $next
            (i64.ne (i64.const 0)
              (i64.or
                (call $low (i64.load (local.get $at)))
                (call $low (i64.load offset=8 (local.get $at))))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))
      (local.set $at
        (i32.add (local.get $at) (i32.wrap_i64 (i64.shr_u (i64.ctz (local.get $hit)) (i64.const 3)))))
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $two (i32.load16_u (local.get $at)))
      (if (i32.eq (local.get $two) (i32.const 0x0a0d))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (br $next)))
      (local.set $two (i32.and (local.get $two) (i32.const 0xff)))
      (if (i32.or (i32.eq (local.get $two) (i32.const 10)) (i32.eq (local.get $two) (i32.const 13)))
        (then (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable)))
