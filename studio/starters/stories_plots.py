"""The plots, rhymes and endings of the stories starter, as text with slots and choices.

`[a|b]` stands for one of several ways to say it, `{slot}` for a word of the story's cast, a line that starts with `?` may be left out.
N, k, t and he/his/him are the hero's name, kind, trait and pronouns; M, b and she/her/hers likewise the friend's (subject, object,
possessive); o is the thing, ao the thing with its article and adjective, P the place with its preposition, p the bare place.
An indented line goes on with the one before it. Knows sentences. Does not know who asked for them.
"""


def lines(text: str) -> list[str]:
    """Return the lines of `text`, each with its indented continuations."""
    joined: list[str] = []
    for line in text.strip().splitlines():
        if line.startswith(" "):
            joined[-1] += ("" if joined[-1].endswith("|") else " ") + line.strip()
        else:
            joined.append(line)
    return joined


OPENINGS = lines("""
[Once upon a time|Long ago|Once], there [was|lived] {at} {k} named {N} {P}.
{N} was {at} {k} who lived {P}.
{P_}, there lived {at} {k} called {N}.
There once was {at} {k} named {N}. [{He} lived|{N} lived|{His} home was] {P}.
""")

FOUND = lines("""
[One {w} [morning|day|evening], {N} found {ao} under [a tree|an old table|some leaves|a bench].|On {aw} day, {N} saw {ao} lying on the
    [path|ground].]
""")[0]

_PLOTS = {
    "honesty happy": """
FOUND
["Someone must miss this {o}," {he} thought.|"Who has lost this {o}?" {N} asked aloud.|{N} wanted to keep the {o}, but {he} knew it was
    not {his} own.]
?{He} carried the {o} from door to door and asked everyone about it.
At last {he} met {ab} named {M}. ["That is my {o}!" cried {M}.|{M} looked at the {o} and began to smile. "You found it!"]
?[{M} had looked for it all week.|{M} was so glad that {she} danced in a circle.]
To say thank you, {M} shared {food} with {N}.
[From that day on, {N} and {M} were best friends.|{N} learned that being honest makes everyone happy.|{N} went home with a warm heart.]
""",
    "friendship happy": """
[{N} had {ao} and took it everywhere.|{N} owned just one thing: {ao}.]
[One {w} day, a strong wind blew the {o} away.|One {w} day, the {o} rolled down a hill and was gone.|One {w} day, {N} woke up and the
    {o} was not there.]
?["Oh no!" cried {N}.|{N} felt sad, but {he} did not give up.]
[Just then, {ab} named {M} came along. "I will help you," said {M}.|{M} the {b} heard {him} and came to help.]
?They looked [behind every rock|under every bush|in every corner] and asked everyone they met.
[At last they saw the {o} in a deep hole, and together they pulled it out.|When the sun went down, they found the {o} beside the road.]
[{N} learned that a friend makes every problem smaller.|That night, {N} and {M} laughed and told stories until they fell asleep.|After
    that, {N} and {M} did everything together.]
""",
    "sharing happy": """
FOUND
{N} loved the {o} and [kept it beside {his} bed|carried it around all day].
[Then {ab} named {M} came by. "May I see your {o}?" {she} asked.|One day {M} the {b} asked, "May I have a turn?"]
[At first, {N} did not want to share.|{N} held the {o} tight. "No, it is mine," {he} said.]
?[{M} sat down and looked at the ground.|{M} said nothing and walked away slowly.]
[But it was not much fun to be alone.|But then {N} saw how sad {M} was.] ["Let us share it," said {N}.|"You go first," said {N}.]
[{N} learned that sharing is better than keeping.|They stayed together until the sun went down, and both of them were happy.]
""",
    "kindness happy magic": """
FOUND
When {N} touched it, the {o} began to [glow|hum|shake|sing].
["You may make one wish," said the {o}.|A tiny voice came from the {o}. "Make one wish," it said.]
?{N} thought for a long time. {He} could wish for gold or for a palace.
[But {he} remembered {M} the {b}, who was ill. "Please make {M} well," said {N}.|"I wish for a friend," {N} whispered, and at once {ab}
    named {M} stood there and smiled.]
[It was the best wish in the whole world.|{N} and {M} hugged and danced all night.]
""",
    "courage happy": """
One {w} night, {ab} named {M} knocked at the door. "My {O} is lost in the dark," {she} cried.
{N} was afraid of the dark. [{His} legs shook.|{His} heart beat fast.]
?"I am scared too," said {M}, "but two are braver than one."
[So {N} took {M} by the hand, and they went out together.|{N} took a deep breath and stepped outside with {M}.]
?[Something moved in the shadows, but it was only a leaf.|An owl called, and they both jumped.]
There, behind a [wall|bush|stone], lay the {o}. "We found it!" they shouted.
[{N} was never so afraid of the dark again.|{N} learned that being brave means going on when you are scared.]
""",
    "teamwork happy": """
[One {w} [morning|day], {N} saw {ao} at the top of a very tall [tree|tower|wall].|More than anything, {N} wanted {ao}. One {w} day, {he}
    saw one on top of a high wall.]
{N} [jumped and jumped, but {he} could not reach it|tried to climb up, but {he} slid back down].
{M} the {b} came by and [had an idea. "Stand on my back," said {M}.|said, "Let us build a pile of boxes."]
?It took the whole [day|morning|afternoon].
[At last {N} held the {o}. "We did it!" they shouted.|{N} reached up and took the {o}, and {M} cheered.]
[{N} learned that it is good to ask for help.|After that, {N} was never afraid to try hard things.|Two together can do what one cannot.]
""",
    "gift happy love": """
[Tomorrow was the birthday of {M} the {b}.|{N} wanted to surprise {his} friend {M} the {b}.] "What can I give {her}?" {N} thought.
{N} looked at {his} own {ox}. It was {ao}, and {he} loved it very much.
?[{He} cleaned it until it was bright.|{He} wrapped it in soft paper with a ribbon.]
["Happy birthday!" said {N}, and gave {her} the {o}.|{N} left the {o} in front of {hers} door and hid.]
?{M} was so surprised that {she} could not speak.
["You gave me the best thing you have," said {M}.|"It is the best present of all," said {M}.]
[{N} had nothing left, but {he} had never been so happy.|Then they ate {food} and sang together.]
""",
    "lost home happy": """
One {w} day, {N} walked too far and could not find the way home.
[Night came, and {he} was all alone.|{He} looked left and right, but everything was strange.]
[Then {he} met {ab} named {M} who carried {ao}.|A small light came closer. It was {M} the {b} with {ao}.]
["Do not worry," said {M}. "I know every path."|"Come with me," said {M}. "You are not alone."]
?They walked and sang to keep warm.
With the help of the {o}, they found the right road.
[Soon {N} was home again, and {M} stayed for {food}.|At the door {M} gave {him} the {o} as a present. {N} never got lost again.]
""",
    "happy making learning": """
{N} wanted to make {ao}. {M} the {b} laughed. "That is too hard for you," {she} said.
{N} tried on Monday, but the {o} fell apart.
?{He} tried on Tuesday, but it was much too big.
[{N} wanted to give up, but {he} tried one more time.|{N} asked for advice and began again.]
On Sunday the {o} was ready, and it was [perfect|better than any other].
["I was wrong," said {M}. "Will you teach me?"|{M} clapped and said, "You never gave up!"]
[{N} learned that trying again is the secret.|So {N} taught {her}, and they became good friends.]
""",
    "quarrel friendship happy": """
{N} and {M} the {b} were good friends. One {w} day, they both wanted {ao}.
["I saw it first!" said {N}. "No, I did!" said {M}.|They pulled and pulled, and neither would let go.]
[{M} went home without a word.|They did not speak for three days.]
?The {o} was no fun at all now.
[At last {N} took the {o} to {M}. "I am sorry," {he} said.|"A friend is worth more than this," thought {N}, and {he} went to say sorry.]
"I am sorry too," said {M}, and they hugged.
[Now the {o} belongs to both of them.|They never fought about the {o} again.]
""",
    "keepsake sad": """
{N} had one good friend, {ab} named {M}. They did everything together.
[One {w} day, {M} had to move far away.|One {w} morning, {M} said, "We are leaving tomorrow."]
?{N} did not know what to say. {He} only looked at {his} feet.
Before {she} left, {M} gave {him} {ao}. "When you hold it, think of me," said {M}.
[{N} waved until {he} could not see {her} any more.|{N} cried all the way home.]
[Every night, {N} holds the {o} and looks out of the window.|Now the {o} stands in an empty room, and {N} still waits for a letter.]
""",
    "broken sad": """
{N} had {ao}. It was the only thing {he} had from {his} grandmother.
[One {w} day, {M} the {b} dropped the {o}, and it broke.|One {w} day, {M} the {b} borrowed the {o} and lost it.]
?"I am so sorry," {M} said in a very small voice.
[{N} tried to be strong, but big tears ran down {his} face.|{N} sat in the rain and did not speak.]
{M} sat down beside {him} and cried too.
[Some things cannot be mended, but it hurts less when you are not alone.|The {o} was gone for ever, and {N} missed it for a long time.]
""",
    "lonely sad": """
Nobody ever came to visit {N}. {He} only had {ao} to talk to.
[One {w} day, {ab} named {M} walked past, but {she} did not stop.|Every day, {N} saw {M} the {b} play with others, but {he} was too shy
    to say hello.]
?{N} put the {o} in the window, so that someone might see it.
[The days grew short, and snow fell on the roof.|The leaves fell, and the nights grew long.]
[When {M} came at last, the house was empty and only the {o} was left.|{N} held the {o} close and whispered, "Maybe tomorrow."]
""",
    "snoring funny": """
One night, {N} heard a terrible noise. "It is a monster!" {he} cried and put {ao} on {his} head.
[{N} ran into the wall, because {he} could not see a thing.|{He} fell over a bucket and rolled down the stairs.]
?The noise grew louder and louder: snorr, snorr, snorr.
{N} opened the door. [There lay {M} the {b}, fast asleep and snoring.|It was only {ab} named {M}, who snored like a train.]
?"Good morning," said {M}. "Why is there {ao} on your head?"
[{N} laughed so much that {he} got the hiccups.|They laughed until the {o} fell down on {M}.]
[Since then, {N} sleeps with the {o} over {his} ears.|Now everyone calls the {o} the monster hat.]
""",
    "dinner funny": """
{N} wanted to cook {food} for {M} the {b}, but {he} had lost {his} spoon.
So {N} stirred the pot with {ao}.
[The pot went blub, and green bubbles flew through the window.|The pot jumped up and danced on the table.]
?{M} came in with a bubble on {hers} nose. "Is dinner ready?" {she} asked.
[{M} took a bite, and {hers} ears turned blue.|{M} took a bite and began to sing like a kettle.]
["Delicious!" said {M}. "May I have more?"|They both giggled until they fell off their chairs.]
[Now the {o} has a place in the kitchen.|{N} has cooked with the {o} ever since.]
""",
    "backwards funny": """
One {w} day, {N} decided to do everything backwards.
{He} walked backwards, ate {food} before getting up, and put {his} shoes on {his} ears.
{M} the {b} came by with {ao}. ["Goodbye!" said {N}, because that is hello backwards.|"What are you doing?" asked {M}. "Doing I am
    what?" said {N}.]
?{M} scratched {hers} head and looked very puzzled.
[Then {N} walked backwards right into the {o} and sat down in the mud.|Then {N} tripped over the {o} and landed in a tub of water.]
["That was the best part," said {M}, and they laughed all day.|"Tomorrow I will go forwards again," said {N}.]
""",
    "shadow spooky": """
One dark night, the wind howled, and {N} could not sleep.
[Something scratched at the door.|Two yellow eyes looked through the window.] "Who is there?" {N} whispered.
?Nobody answered. The candle went out.
{N} took {ao} and opened the door, very slowly.
[A long shadow moved along the wall. It came closer and closer.|The floor creaked. A cold hand touched {his} back.]
["Boo!" said {M} the {b}. "I only wanted to say good night."|It was {ab} named {M}, who was just as scared.]
[They lit a fire and held the {o} until the morning came.|But when they looked back, the {o} was gone, and nobody knows where.]
""",
    "whisper spooky": """
People said that {ao} stood in the old cellar and that nobody should touch it.
One foggy night, {N} and {M} the {b} went down the stairs.
[The {o} was cold as ice, and it whispered their names.|When {N} came near, the {o} moved all by itself.]
?"Did you hear that?" asked {M}. Behind them, the door fell shut.
["Run!" cried {N}, and they ran up the stairs as fast as they could.|"We only want to look," said {N} with a shaking voice.]
[The next day, the {o} stood in front of {his} door.|When the sun came up, the {o} was only {ao}, or so it seemed.]
""",
    "bedtime calm": """
[One quiet evening|When the stars came out], {N} lay in bed and could not sleep.
{His} {ox} stood beside the bed. It was {ao}.
{M} the {b} came in [on soft feet|with a cup of warm milk] and sat down. "Shall I tell you about the moon?" {she} asked.
?"The moon watches over everyone {P}," said {M}, "and it never forgets anyone."
[{N} held the {o} and listened.|The light fell softly on the {o}.] {His} eyes grew heavy.
?Outside, the wind went to sleep too.
["Good night," whispered {M}. But {N} was already dreaming.|And soon everyone {P} was fast asleep.]
""",
    "slow river calm": """
It was a soft and {w} afternoon. {N} sat still and looked at the clouds.
{M} the {b} sat down beside {him} and put {ao} on the grass.
[They did not talk much. They did not need to.|"That cloud looks like your {o}," said {N}.]
?A small bird sang, and the light turned gold.
[When it grew cool, they shared {food} and went home slowly.|They stayed until the first star came out above the {o}.]
{N} yawned. It had been a very good day.
""",
}
PLOTS = {name: [FOUND if line == "FOUND" else line for line in lines(text)] for name, text in _PLOTS.items()}

EPISODES = lines("""
[The next day|The next morning], {N} and {M} went for a walk {P}. They took the {o} with them. [On the way they met {ax} who was hungry,
    so they shared {food}.|It began to rain, and they hid under a big leaf.] [In the evening they came home tired and happy.|"This was a
    good day," said {M}.]
[A week later|Some days later], {M} came back with a secret. "There is a hidden door {P}," {she} whispered. {N} took the {o}, and they
    opened the door together. [Behind it was a room full of {food}.|Behind it was a garden where it was always spring.] [They promised
    to tell nobody.|They came back every Sunday.]
That night, {N} put the {o} under {his} pillow. {He} dreamed that {he} could fly over the {p}. {M} was there too and waved. [When {N}
    woke up, there was a feather on the floor.|In the morning, {M} said, "I had the same dream!"]
[Soon|After that], everyone {P} heard about the {o}. {N} and {M} made a big party. They ate {food}, and {ax} played music. [They danced
    until the moon came up.|It was the best party of the year.]
But the story was not over. [One day, the {o} was gone again.|One day, {ax} took the {o}.] {N} and {M} followed small footprints
    [through the mud|over the hill]. ["I am sorry," said the thief. "I only wanted to play."|They found it at last, and everyone said
    sorry.] {N} smiled, and from then on they were three.
Winter came, and {N} and {M} stayed at home. They sat by the fire with the {o} and told each other stories. {M} told one about {ax}. {N}
    laughed until {he} cried. [Outside, the snow fell and fell.|Then they ate {food} and went to bed.]
""")

COUPLETS_BEING = lines("""
I know {at} {k} who lives near here,/and what a friend it is, my dear.
The {k} woke up at half past three/and drank a cup of hot mint tea.
Little {k}, little {k}, where do you go?/Over the hills and through the snow.
The {k} looked up to see the sky/and watched the clouds go floating by.
Oh, {t} {k}, come out and play,/the sun is shining bright today.
A {k} sat down beneath a tree/and sang a song for you and me.
The {k} put on a coat of red/and wore a bucket on its head.
The {k} ran fast, the {k} ran slow,/the {k} ran where the flowers grow.
Sleep, my {k}, the day is done,/tomorrow brings another sun.
The {k} had friends both big and small/and shared its supper with them all.
I met {at} {k} along the way/who smiled and wished me a good day.
The {k} can dance, the {k} can sing,/the {k} can do most anything.
""")

COUPLETS_THING = lines("""
It carried {ao} around/and laid it softly on the ground.
I found {ao} one day,/and took it out with me to play.
{Ao} was lying in the sun,/and looking at it was such fun.
Oh look, {ao} so fine,/I wish, I wish that it were mine.
We keep {ao} by the door,/and nobody could ask for more.
{Ao} can make me smile,/so come and stay with it a while.
""")

COUPLETS_PLACE = lines("""
The wind blows softly, night and day,/around the {p} far away.
The {p} is quiet, the {p} is still,/the moon climbs slowly up the hill.
When I am home and tucked in bed,/I see the {p} in my head.
The {p} is where I want to be,/with you and you and you and me.
Come to the {p}, come along,/and we will sing a happy song.
""")

COUPLETS_ANY = lines("""
The stars come out, the night is clear,/and everyone I love is near.
The rain may fall, the wind may blow,/but we have warm good things, you know.
And when the day is at its end,/I say good night to every friend.
The birds all sing, the bells all ring,/and welcome in the early spring.
So clap your hands and turn around/and listen to the happy sound.
The moon is round, the moon is bright,/it keeps us company at night.
""")
