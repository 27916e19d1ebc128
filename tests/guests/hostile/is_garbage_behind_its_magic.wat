;; Begins as a component does, and goes on as nothing does.
(component binary "\00asm\0d\00\01\00" "\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff")
