/// What Linux 6.1's f_mass_storage answered, line by line, over USB/IP: an 8 MiB image, `ro`,
/// `removable`, high speed, `stall` off.
///
///     SCSI name | wrapper | data stage | status, residue
enum KernelTranscript {
    static let disk = #"""
        CTL GET_DESC dev       ok 12010002000000406b1d0401010601020301
        CTL GET_DESC cfg       ok 0902200001010480010904000002080650050705810200020007050102000201
        CTL qualifier          ok 0a060002000000400100
        CTL other speed        ok 0907200001010480010904000002080650050705810240000007050102400000
        CTL string0            ok 04030904
        CTL string5            ok 1a034d006100730073002000530074006f007200610067006500
        CTL string bad lang    STALL
        CTL string 99          STALL
        CTL desc 0x22          STALL
        CTL SET_CONFIG 1       ok
        CTL GET_CONFIG         ok 01
        CTL GET_STATUS dev     ok 0000
        CTL GET_STATUS ep81    ok 0000
        CTL GET_INTERFACE      ok 00
        CTL GET_MAX_LUN        ok 00
        CTL GET_MAX_LUN idx1   STALL
        CTL GET_MAX_LUN val1   STALL
        CTL GET_MAX_LUN len2   STALL
        CTL BOT_RESET          ok
        CTL vendor req         STALL
        CTL SET_INTERFACE 0 1  STALL
        CTL SET_CONFIG 2       STALL
        CTL SET_CONFIG 1       ok
        SCSI INQUIRY 36                 CBW ok | IN ok len=36 008002021f0000004c696e757820202046696c652d53746f722047616467657430363031 | CSW 0 res=0
        SCSI INQUIRY 255                CBW ok | IN ok len=36 008002021f0000004c696e757820202046696c652d53746f722047616467657430363031 | CSW 0 res=219
        SCSI INQUIRY 5                  CBW ok | IN ok len=5 008002021f | CSW 0 res=0
        SCSI INQUIRY alloc36 dlen 18    CBW ok | IN ok len=18 008002021f0000004c696e75782020204669 | CSW 2 res=0
        SCSI TUR 1                      CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700006000000000a00000000290000000000 | CSW 0 res=0
        SCSI TUR 2                      CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI INQUIRY EVPD 0             CBW ok | IN ok len=0  | CSW 1 res=255
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI INQUIRY EVPD 80            CBW ok | IN ok len=0  | CSW 1 res=255
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI INQUIRY EVPD 83            CBW ok | IN ok len=0  | CSW 1 res=255
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI READ CAPACITY(10)          CBW ok | IN ok len=8 00003fff00000200 | CSW 0 res=0
        SCSI READ CAP PMI               CBW ok | IN ok len=8 00003fff00000200 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ CAPACITY(16)          CBW ok | IN ok len=32 0000000000003fff000002000000000000000000000000000000000000000000 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ FORMAT CAP            CBW ok | IN ok len=12 000000080000400002000200 | CSW 0 res=240
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI MODE SENSE6 3f/4           CBW ok | IN ok len=4 0f008000 | CSW 0 res=0
        SCSI MODE SENSE6 3f/192         CBW ok | IN ok len=16 0f008000080a0400ffff0000ffffffff | CSW 0 res=176
        SCSI MODE SENSE6 08             CBW ok | IN ok len=16 0f008000080a0400ffff0000ffffffff | CSW 0 res=239
        SCSI MODE SENSE6 1c             CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SENSE6 2a             CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SENSE6 sp3f/ff        CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SENSE6 saved pc3      CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000390000000000 | CSW 0 res=0
        SCSI MODE SENSE10 3f            CBW ok | IN ok len=20 0012008000000000080a0400ffff0000ffffffff | CSW 0 res=235
        SCSI MODE SENSE10 2a            CBW ok | IN ok len=0  | CSW 1 res=128
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SELECT6               CBW ok | OUT ok | CSW 1 res=4
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ10 lba0 1blk           CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=0
        SCSI READ10 past end            CBW ok | IN ok len=0  | CSW 1 res=512
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000210000000000 | CSW 0 res=0
        SCSI READ10 0 blocks            CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dlen short          CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dlen long           CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=3584
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dlen 0 (case 2)     CBW ok | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ6                      CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ12                     CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ16                     CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dpo/fua             CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 reserved bits       CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI WRITE10 (ro)               CBW ok | OUT ok | CSW 1 res=512
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700007000000000a00000000270000000000 | CSW 0 res=0
        SCSI VERIFY10                   CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI SYNC CACHE10               CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI PREVENT 1                  CBW ok | CSW 0 res=0
        SCSI START STOP eject prevented CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000530200000000 | CSW 0 res=0
        SCSI PREVENT 0                  CBW ok | CSW 0 res=0
        SCSI PREVENT 2                  CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI START 1                    CBW ok | CSW 0 res=0
        SCSI STOP 0                     CBW ok | CSW 0 res=0
        SCSI LOAD 3                     CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ TOC fmt0 lba          CBW ok | IN ok len=0  | CSW 1 res=12
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ TOC fmt0 msf /804     CBW ok | IN ok len=0  | CSW 1 res=804
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ TOC fmt1              CBW ok | IN ok len=0  | CSW 1 res=12
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ TOC fmt2              CBW ok | IN ok len=0  | CSW 1 res=48
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ TOC fmt1 via c9=40    CBW ok | IN ok len=0  | CSW 1 res=12
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ HEADER                CBW ok | IN ok len=0  | CSW 1 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI GET CONFIGURATION          CBW ok | IN ok len=0  | CSW 1 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI GET EVENT STATUS           CBW ok | IN ok len=0  | CSW 1 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ DISC INFO             CBW ok | IN ok len=0  | CSW 1 res=34
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ TRACK INFO            CBW ok | IN ok len=0  | CSW 1 res=36
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI REPORT LUNS                CBW ok | IN ok len=0  | CSW 1 res=16
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI unknown c0 in              CBW ok | IN ok len=0  | CSW 1 res=64
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI unknown c0 nodata          CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI LUN 1 INQUIRY              CBW ok | IN ok len=36 7f0000001f00000000000000000000000000000000000000000000000000000000000000 | CSW 0 res=0
        SCSI LUN 1 TUR                  CBW ok | CSW 1 res=0
        SCSI  LUN1 SENSE                CBW ok | IN ok len=18 700005000000000a00000000250000000000 | CSW 0 res=0
        SCSI TUR w/ dlen 8 in           CBW ok | IN ok len=0  | CSW 0 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI cdb len 5 for TUR          CBW ok | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI cdb len 12 for TUR         CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI INQ cdblen 12              CBW ok | IN ok len=36 008002021f0000004c696e757820202046696c652d53746f722047616467657430363031 | CSW 0 res=0
        SCSI START STOP eject           CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI TUR after eject            CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700002000000000a000000003a0000000000 | CSW 0 res=0
        SCSI READ after eject           CBW ok | IN ok len=0  | CSW 1 res=512
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700002000000000a000000003a0000000000 | CSW 0 res=0
        bad sig CBW -> ok
         then IN -> STALL
         clear halt 81 -> ok
         then IN -> STALL
         then OUT -> ok
         clear 01 ok
         BOT reset -> ok ok ok
        SCSI TUR after reset recovery   CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700002000000000a000000003a0000000000 | CSW 0 res=0
        """#

    static let cd = #"""
        CTL GET_DESC dev       ok 12010002000000406b1d0401010601020301
        CTL GET_DESC cfg       ok 0902200001010480010904000002080650050705810200020007050102000201
        CTL qualifier          ok 0a060002000000400100
        CTL other speed        ok 0907200001010480010904000002080650050705810240000007050102400000
        CTL string0            ok 04030904
        CTL string5            ok 1a034d006100730073002000530074006f007200610067006500
        CTL string bad lang    STALL
        CTL string 99          STALL
        CTL desc 0x22          STALL
        CTL SET_CONFIG 1       ok
        CTL GET_CONFIG         ok 01
        CTL GET_STATUS dev     ok 0000
        CTL GET_STATUS ep81    ok 0000
        CTL GET_INTERFACE      ok 00
        CTL GET_MAX_LUN        ok 00
        CTL GET_MAX_LUN idx1   STALL
        CTL GET_MAX_LUN val1   STALL
        CTL GET_MAX_LUN len2   STALL
        CTL BOT_RESET          ok
        CTL vendor req         STALL
        CTL SET_INTERFACE 0 1  STALL
        CTL SET_CONFIG 2       STALL
        CTL SET_CONFIG 1       ok
        SCSI INQUIRY 36                 CBW ok | IN ok len=36 058002021f0000004c696e757820202046696c652d434420476164676574202030363031 | CSW 0 res=0
        SCSI INQUIRY 255                CBW ok | IN ok len=36 058002021f0000004c696e757820202046696c652d434420476164676574202030363031 | CSW 0 res=219
        SCSI INQUIRY 5                  CBW ok | IN ok len=5 058002021f | CSW 0 res=0
        SCSI INQUIRY alloc36 dlen 18    CBW ok | IN ok len=18 058002021f0000004c696e75782020204669 | CSW 2 res=0
        SCSI TUR 1                      CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700006000000000a00000000290000000000 | CSW 0 res=0
        SCSI TUR 2                      CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI INQUIRY EVPD 0             CBW ok | IN ok len=0  | CSW 1 res=255
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI INQUIRY EVPD 80            CBW ok | IN ok len=0  | CSW 1 res=255
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI INQUIRY EVPD 83            CBW ok | IN ok len=0  | CSW 1 res=255
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI READ CAPACITY(10)          CBW ok | IN ok len=8 00000fff00000800 | CSW 0 res=0
        SCSI READ CAP PMI               CBW ok | IN ok len=8 00000fff00000800 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ CAPACITY(16)          CBW ok | IN ok len=32 0000000000000fff000008000000000000000000000000000000000000000000 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ FORMAT CAP            CBW ok | IN ok len=12 000000080000100002000800 | CSW 0 res=240
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI MODE SENSE6 3f/4           CBW ok | IN ok len=4 0f008000 | CSW 0 res=0
        SCSI MODE SENSE6 3f/192         CBW ok | IN ok len=16 0f008000080a0400ffff0000ffffffff | CSW 0 res=176
        SCSI MODE SENSE6 08             CBW ok | IN ok len=16 0f008000080a0400ffff0000ffffffff | CSW 0 res=239
        SCSI MODE SENSE6 1c             CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SENSE6 2a             CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SENSE6 sp3f/ff        CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SENSE6 saved pc3      CBW ok | IN ok len=0  | CSW 1 res=192
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000390000000000 | CSW 0 res=0
        SCSI MODE SENSE10 3f            CBW ok | IN ok len=20 0012008000000000080a0400ffff0000ffffffff | CSW 0 res=235
        SCSI MODE SENSE10 2a            CBW ok | IN ok len=0  | CSW 1 res=128
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI MODE SELECT6               CBW ok | OUT ok | CSW 1 res=4
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ10 lba0 1blk           CBW ok | IN ok len=2048 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(2048) | CSW 0 res=0
        SCSI READ10 past end            CBW ok | IN ok len=0  | CSW 2 res=512
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000210000000000 | CSW 0 res=0
        SCSI READ10 0 blocks            CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dlen short          CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dlen long           CBW ok | IN ok len=2048 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(2048) | CSW 0 res=2048
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dlen 0 (case 2)     CBW ok | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ6                      CBW ok | IN ok len=2048 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(2048) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ12                     CBW ok | IN ok len=2048 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(2048) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ16                     CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 dpo/fua             CBW ok | IN ok len=2048 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(2048) | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ10 reserved bits       CBW ok | IN ok len=512 eb3c906d6b66732e66617400020404000200020040f80c00200002000000000000000000800029008825bf4e4f204e414d45..(512) | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI WRITE10 (ro)               CBW ok | OUT ok | CSW 2 res=512
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700007000000000a00000000270000000000 | CSW 0 res=0
        SCSI VERIFY10                   CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI SYNC CACHE10               CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI PREVENT 1                  CBW ok | CSW 0 res=0
        SCSI START STOP eject prevented CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000530200000000 | CSW 0 res=0
        SCSI PREVENT 0                  CBW ok | CSW 0 res=0
        SCSI PREVENT 2                  CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000240000000000 | CSW 0 res=0
        SCSI START 1                    CBW ok | CSW 0 res=0
        SCSI STOP 0                     CBW ok | CSW 0 res=0
        SCSI LOAD 3                     CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ TOC fmt0 lba          CBW ok | IN ok len=12 001201010016010000000000 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ TOC fmt0 msf /804     CBW ok | IN ok len=20 0012010100160100000002000016aa000000382e | CSW 0 res=784
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ TOC fmt1              CBW ok | IN ok len=12 001201010016010000000000 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ TOC fmt2              CBW ok | IN ok len=37 00230101011600a000000000010000011600a100000000010000011600a20000000000382e | CSW 0 res=11
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ TOC fmt1 via c9=40    CBW ok | IN ok len=12 001201010016010000000000 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI READ HEADER                CBW ok | IN ok len=8 0100000000000010 | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI GET CONFIGURATION          CBW ok | IN ok len=0  | CSW 1 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI GET EVENT STATUS           CBW ok | IN ok len=0  | CSW 1 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ DISC INFO             CBW ok | IN ok len=0  | CSW 1 res=34
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI READ TRACK INFO            CBW ok | IN ok len=0  | CSW 1 res=36
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI REPORT LUNS                CBW ok | IN ok len=0  | CSW 1 res=16
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI unknown c0 in              CBW ok | IN ok len=0  | CSW 1 res=64
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI unknown c0 nodata          CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700005000000000a00000000200000000000 | CSW 0 res=0
        SCSI LUN 1 INQUIRY              CBW ok | IN ok len=36 7f0000001f00000000000000000000000000000000000000000000000000000000000000 | CSW 0 res=0
        SCSI LUN 1 TUR                  CBW ok | CSW 1 res=0
        SCSI  LUN1 SENSE                CBW ok | IN ok len=18 700005000000000a00000000250000000000 | CSW 0 res=0
        SCSI TUR w/ dlen 8 in           CBW ok | IN ok len=0  | CSW 0 res=8
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI cdb len 5 for TUR          CBW ok | CSW 2 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI cdb len 12 for TUR         CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI INQ cdblen 12              CBW ok | IN ok len=36 058002021f0000004c696e757820202046696c652d434420476164676574202030363031 | CSW 0 res=0
        SCSI START STOP eject           CBW ok | CSW 0 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700000000000000a00000000000000000000 | CSW 0 res=0
        SCSI TUR after eject            CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700002000000000a000000003a0000000000 | CSW 0 res=0
        SCSI READ after eject           CBW ok | IN ok len=0  | CSW 2 res=512
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700002000000000a000000003a0000000000 | CSW 0 res=0
        bad sig CBW -> ok
         then IN -> STALL
         clear halt 81 -> ok
         then IN -> STALL
         then OUT -> ok
         clear 01 ok
         BOT reset -> ok ok ok
        SCSI TUR after reset recovery   CBW ok | CSW 1 res=0
        SCSI   REQUEST SENSE            CBW ok | IN ok len=18 700002000000000a000000003a0000000000 | CSW 0 res=0
        """#
}
