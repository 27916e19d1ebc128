;; Ends in the middle of a custom section whose name is longer than all of it.
(component binary "\00asm\0d\00\01\00" "\00\ff\ff\ff\ff\0f\7fcachewit:manifest")
